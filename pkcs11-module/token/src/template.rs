//! Templates as applications pass them, checked and brought into canonical form.

use cryptoki_sys::CKA_ALLOWED_MECHANISMS;
use zeroize::Zeroize;

use crate::attribute::{self, Class};
use crate::backend::Attributes;
use crate::provider::TemplateItem;
use crate::rv::{Error, Result};

/// A template whose attributes are known, well formed and named once.
pub(crate) struct Template(Attributes);

/// Applications put private keys into templates.
impl Drop for Template {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

impl Template {
    /// Reads a template that creates or changes an object.
    ///
    /// # Errors
    /// [`Error::Contradiction`] for too many entries, and for one named twice,
    /// [`Error::AttributeTypeInvalid`] for an unknown attribute, [`Error::AttributeValueInvalid`] for an impossible size or value.
    pub(crate) fn parse(items: &[TemplateItem<'_>]) -> Result<Self> {
        if let Some(item) = items.get(ITEMS_MAX) {
            return Err(Error::contradiction(
                item.kind,
                "is one attribute too many: templates have 64 at most",
            ));
        }
        let mut attributes = Attributes::new();
        for item in items {
            let kind = attribute::kind_of(item.kind).ok_or(Error::AttributeTypeInvalid)?;
            if item.value.len() > attribute::VALUE_BYTES_MAX {
                return Err(Error::AttributeValueInvalid);
            }
            let value = kind.canonical(item.value).ok_or(Error::AttributeValueInvalid)?;
            if attributes.insert(item.kind, value).is_some() {
                return Err(Error::contradiction(item.kind, "stands in the template twice"));
            }
        }
        Ok(Self(attributes))
    }

    /// Reads a template that searches. `None`: no object can match, because an attribute is unknown here (NSS looks
    /// for its vendor attributes on every token) or has an impossible size.
    ///
    /// # Errors
    /// [`Error::Contradiction`] for too many entries, and for one named twice.
    pub(crate) fn parse_search(items: &[TemplateItem<'_>]) -> Result<Option<Self>> {
        match Self::parse(items) {
            Ok(template) => Ok(Some(template)),
            Err(Error::AttributeTypeInvalid | Error::AttributeValueInvalid) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The attributes in canonical form.
    pub(crate) fn attributes(&self) -> &Attributes {
        &self.0
    }

    /// A boolean, if given.
    pub(crate) fn bool(&self, id: u64) -> Option<bool> {
        attribute::bool_of(&self.0, id)
    }

    /// A number, if given.
    pub(crate) fn ulong(&self, id: u64) -> Option<u64> {
        attribute::ulong_of(&self.0, id)
    }

    /// Takes `id` out, if given.
    pub(crate) fn take(&mut self, id: u64) -> Option<Vec<u8>> {
        self.0.remove(&id)
    }

    /// Sets `id`, whatever was given.
    pub(crate) fn set(&mut self, id: u64, value: Vec<u8>) {
        self.0.insert(id, value);
    }

    /// Sets `id` if it is not given.
    pub(crate) fn set_default(&mut self, id: u64, value: Vec<u8>) {
        self.0.entry(id).or_insert(value);
    }

    /// Sets `id` if it is not given, and insists on the value if it is.
    ///
    /// # Errors
    /// `contradiction` if the template has another value.
    pub(crate) fn require(&mut self, id: u64, value: Vec<u8>, contradiction: Error) -> Result<()> {
        let given = self.0.entry(id).or_insert_with(|| value.clone());
        if *given == value { Ok(()) } else { Err(contradiction) }
    }

    /// The attributes of a new object of `class`: all given ones, allowed and within their limits, and the defaults
    /// of the others. Required ones among `later` follow when the object exists.
    ///
    /// # Errors
    /// [`Error::Contradiction`] for an attribute of other objects, [`Error::AttributeReadOnly`],
    /// [`Error::AttributeValueInvalid`] for what is given, [`Error::TemplateIncomplete`] for what is not.
    pub(crate) fn build(mut self, class: Class, later: &[u64]) -> Result<Attributes> {
        let mut attributes = std::mem::take(&mut self.0);
        for (id, value) in &attributes {
            let declared = attribute::find(*id, class).filter(|declared| declared.is_of(&attributes));
            // Known, since it was parsed, but of other objects (PKCS#11 3.1 section 4.1.1, rule 5).
            let declared = declared.ok_or(Error::contradiction(*id, "is no attribute of such an object"))?;
            if declared.origin == attribute::Origin::Token {
                return Err(Error::AttributeReadOnly);
            }
            if value.len() > declared.bytes_max {
                return Err(Error::AttributeValueInvalid);
            }
        }
        // An empty list restricts nothing. Left out, so that no node reads it as one that allows nothing.
        if attributes.get(&CKA_ALLOWED_MECHANISMS).is_some_and(Vec::is_empty) {
            attributes.remove(&CKA_ALLOWED_MECHANISMS);
        }
        for declared in attribute::of_class(class) {
            let is_given = attributes.contains_key(&declared.id) || later.contains(&declared.id);
            if is_given || !declared.is_of(&attributes) {
                continue;
            }
            if declared.initial == attribute::Initial::Required {
                return Err(Error::TemplateIncomplete);
            }
            if let Some(value) = declared.initial.value() {
                attributes.insert(declared.id, value);
            }
        }
        Ok(attributes)
    }
}

/// Most entries of one template; no class has more attributes.
const ITEMS_MAX: usize = 64;
