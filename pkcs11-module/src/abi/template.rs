//! Arrays of `CK_ATTRIBUTE`: templates that are read, and templates that are filled.

use cryptoki_sys::*;
use token::{AttributeOutput, Error, Offer, Output, TemplateItem};
use zeroize::Zeroizing;

use super::buffer::offer;
use super::ptr::Ptr;
use super::{Answer, Failure};

/// A copy of a template. Values are wiped when it is dropped: applications put private keys here.
pub(super) struct Template(Vec<(u64, Zeroizing<Vec<u8>>)>);

impl Template {
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` for null with a count, too many entries, or a value that is null with a length;
    /// `CKR_ATTRIBUTE_VALUE_INVALID` if the values are too long.
    pub(super) fn read(template: Ptr<'_, CK_ATTRIBUTE>, count: CK_ULONG) -> Answer<Self> {
        let mut room = TEMPLATE_BYTES_MAX;
        let copy = |index| {
            let (kind, value, len) = template.element(index).attribute()?;
            let value = value.bytes(len, room, Error::AttributeValueInvalid)?;
            room -= value.len();
            Ok((kind, Zeroizing::new(value)))
        };
        (0..entries(template, count)?).map(copy).collect::<Answer<_>>().map(Self)
    }

    /// The template as crate `token` takes it.
    pub(super) fn items(&self) -> Vec<TemplateItem<'_>> {
        self.0.iter().map(|(kind, value)| TemplateItem { kind: *kind, value }).collect()
    }
}

/// A template of `C_GetAttributeValue`.
pub(super) struct Wanted<'a>(Vec<WantedValue<'a>>);

/// One attribute the application wants, with the place for its value.
struct WantedValue<'a> {
    kind: u64,
    value: Ptr<'a, u8>,
    room: CK_ULONG,
    len: Ptr<'a, CK_ULONG>,
}

impl<'a> Wanted<'a> {
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` for null with a count, or too many entries.
    pub(super) fn read(template: Ptr<'a, CK_ATTRIBUTE>, count: CK_ULONG) -> Answer<Self> {
        let place = |index| {
            let entry = template.element(index);
            let (kind, value, room) = entry.attribute()?;
            Ok(WantedValue { kind, value, room, len: entry.value_len() })
        };
        (0..entries(template, count)?).map(place).collect::<Answer<_>>().map(Self)
    }

    /// The places as crate `token` fills them.
    pub(super) fn outputs(&mut self) -> Vec<(u64, &mut dyn AttributeOutput)> {
        self.0.iter_mut().map(|wanted| (wanted.kind, wanted as &mut dyn AttributeOutput)).collect()
    }
}

impl WantedValue<'_> {
    fn tell(&self, len: CK_ULONG) {
        self.len.write(len).expect("an address inside a template that was read is not null");
    }
}

impl Output for WantedValue<'_> {
    /// A buffer that is too small gets no length here but CK_UNAVAILABLE_INFORMATION (PKCS#11 3.0, C_GetAttributeValue,
    /// case 5).
    fn offer(&mut self, len: usize) -> Offer {
        let offer = offer(self.value, self.room, len);
        self.tell(if offer == Offer::TooSmall { CK_UNAVAILABLE_INFORMATION } else { len as CK_ULONG });
        offer
    }

    fn write(&mut self, bytes: &[u8]) {
        self.value.fill(bytes).expect("a null buffer was answered with LengthOnly");
    }
}

impl AttributeOutput for WantedValue<'_> {
    fn unavailable(&mut self) {
        self.tell(CK_UNAVAILABLE_INFORMATION);
    }
}

/// How many entries a template has, if it can have so many.
fn entries(template: Ptr<'_, CK_ATTRIBUTE>, count: CK_ULONG) -> Answer<usize> {
    match usize::try_from(count) {
        Ok(0) => Ok(0),
        Ok(count) if count <= ENTRIES_MAX => template.required().map(|_| count),
        _ => Err(Failure::ARGUMENTS_BAD),
    }
}

/// Most entries of a template; ten times what the most talkative client sends.
const ENTRIES_MAX: usize = 512;
/// Most bytes of all values of a template that is read.
const TEMPLATE_BYTES_MAX: usize = 1 << 20;
