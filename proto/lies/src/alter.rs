//! One field of one message, changed.

use protox::prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value, prost::Message as _,
};

use crate::{EMBEDDED, Schema};

/// A lie about one field. Each leaves a message that decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Another value: one bit of bytes and integers, the next value of a choice.
    Other,
    /// No value: zero, empty, or left out.
    Missing,
    /// One byte more.
    Longer,
    /// The largest integer, or a choice that does not exist.
    Largest,
    /// The first element once more.
    Twice,
}

impl Lie {
    /// Its name in documents.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Missing => "missing",
            Self::Longer => "longer",
            Self::Largest => "largest",
            Self::Twice => "twice",
        }
    }

    pub(crate) fn of(field: &FieldDescriptor) -> &'static [Self] {
        match field.kind() {
            Kind::Message(_) if field.is_list() => &[Self::Missing, Self::Twice],
            _ if field.is_list() => &[Self::Other, Self::Missing, Self::Twice],
            Kind::Message(_) => &[Self::Missing],
            Kind::Bytes | Kind::String => &[Self::Other, Self::Missing, Self::Longer],
            Kind::Bool => &[Self::Other],
            Kind::Enum(_) => &[Self::Other, Self::Missing, Self::Largest],
            _ => &[Self::Other, Self::Missing, Self::Largest],
        }
    }

    fn tell(self, value: &mut Value) {
        match (value, self) {
            (Value::List(list), Self::Missing) => list.clear(),
            (Value::List(list), Self::Twice) => list.extend(list.first().cloned()),
            (Value::List(list), _) => list.iter_mut().take(1).for_each(|value| self.tell(value)),
            (Value::Bool(value), _) => *value = !*value,
            (Value::U32(value), Self::Other) => *value ^= 1,
            (Value::U32(value), _) => *value = if self == Self::Largest { u32::MAX } else { 0 },
            (Value::U64(value), Self::Other) => *value ^= 1,
            (Value::U64(value), _) => *value = if self == Self::Largest { u64::MAX } else { 0 },
            (Value::EnumNumber(value), Self::Other) => *value += 1,
            (Value::EnumNumber(value), _) => *value = if self == Self::Largest { i32::MAX } else { 0 },
            (Value::String(value), Self::Missing) => value.clear(),
            (Value::String(value), Self::Longer) => value.push('x'),
            (Value::String(value), _) => *value = format!("not {value}"),
            (Value::Bytes(value), _) => {
                let mut bytes = value.to_vec();
                let middle = bytes.len() / 2;
                match (self, bytes.get_mut(middle)) {
                    (Self::Missing, _) => bytes.clear(),
                    (Self::Other, Some(byte)) => *byte ^= 1,
                    _ => bytes.push(1),
                }
                *value = bytes.into();
            }
            _ => {}
        }
    }
}

pub(crate) fn encoded(message: &DynamicMessage) -> Vec<u8> {
    message.encode_to_vec()
}

impl Schema {
    /// Tells the lie in the first `field` inside `message`; whether anything is different now.
    pub(crate) fn change(&self, message: &mut DynamicMessage, field: &str, lie: Lie) -> bool {
        let descriptor = message.descriptor();
        let own = field.split_once('.').filter(|(name, _)| *name == descriptor.name());
        if let Some(own) = own.and_then(|(_, name)| descriptor.get_field_by_name(name)) {
            let optional = own.containing_oneof().is_some() || matches!(own.kind(), Kind::Message(_));
            if optional && !message.has_field(&own) {
                return false;
            }
            let before = message.clone();
            match own.kind() {
                Kind::Message(_) if !own.is_list() => message.clear_field(&own),
                _ => lie.tell(message.get_field_mut(&own)),
            }
            // By what is sent: a zero that stands there is no other message.
            return encoded(message) != encoded(&before);
        }
        let fields: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
        fields.into_iter().any(|inside| {
            let name = format!("{}.{}", descriptor.name(), inside.name());
            let embedded = EMBEDDED.iter().find(|(holder, _)| *holder == name).map(|(_, inside)| *inside);
            self.change_value(message.get_field_mut(&inside), embedded, field, lie)
        })
    }

    fn change_value(&self, value: &mut Value, embedded: Option<&str>, field: &str, lie: Lie) -> bool {
        match (value, embedded) {
            (Value::Message(inside), _) => self.change(inside, field, lie),
            (Value::List(list), _) => {
                list.iter_mut().any(|value| self.change_value(value, embedded, field, lie))
            }
            (Value::Bytes(bytes), Some(name)) => match self.alter(name, bytes, field, lie) {
                Some(altered) => {
                    *bytes = altered.into();
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}
