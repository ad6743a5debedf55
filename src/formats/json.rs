//! Lenient decoding of ProtoJSON messages with serde, without recursion beyond a fixed depth.
//!
//! The OTLP/JSON mapping is ProtoJSON with changes, and what is seen in the wild is wider still: numbers
//! as strings, strings with broken Unicode, `null` for "default", enum names for numbers, snake_case
//! names. [`message!`] declares a struct and how its fields are called; everything unknown is skipped.
//! A value of a wrong type is kept as an error in its place, so that it costs one span, not the file.

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// How deep `AnyValue`s may nest. Protobuf libraries read 100 nested messages, and a level of maps takes
/// three: what is read here can be written as protobuf and read by anybody.
pub(super) const MAX_DEPTH: usize = 31;

/// How deep the decoder is, and where it notes a value of a wrong type, which then counts as absent.
#[derive(Clone, Copy)]
pub(super) struct At<'f> {
    depth: usize,
    fault: &'f Cell<Option<&'static str>>,
}

impl<'f> At<'f> {
    /// At the top; what is wrong is left in `fault`.
    pub(super) fn top(fault: &'f Cell<Option<&'static str>>) -> Self {
        Self { depth: 0, fault }
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// Notes that something else was expected.
    pub(super) fn expected(self, what: &'static str) {
        self.fault.set(Some(what));
    }
}

/// A value that can be decoded from JSON, `null` being its default.
pub(super) trait Decode<'de>: Sized + Default {
    fn decode<D: Deserializer<'de>>(input: D, at: At<'_>) -> Result<Self, D::Error>;
}

/// Visitor methods that take a scalar for something else: it is noted and counts as absent. `at` is in field `.0`.
macro_rules! no_scalars {
    ($value:ty, $expected:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<$value, E> {
            self.0.expected($expected);
            Ok(<$value>::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<$value, E> {
            self.0.expected($expected);
            Ok(<$value>::default())
        }
        fn visit_i64<E>(self, _: i64) -> Result<$value, E> {
            self.0.expected($expected);
            Ok(<$value>::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<$value, E> {
            self.0.expected($expected);
            Ok(<$value>::default())
        }
        fn visit_str<E>(self, _: &str) -> Result<$value, E> {
            self.0.expected($expected);
            Ok(<$value>::default())
        }
    };
}
pub(super) use no_scalars;

/// A visitor method that takes a list for something else.
macro_rules! no_list {
    ($value:ty, $expected:expr) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<$value, A::Error> {
            while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            self.0.expected($expected);
            Ok(<$value>::default())
        }
    };
}
pub(super) use no_list;

/// Passes the place on: the deserializers' way to hand something to a nested value.
pub(super) struct Seed<'f, T> {
    at: At<'f>,
    kind: PhantomData<T>,
}

impl<'f, T> Seed<'f, T> {
    pub(super) fn at(at: At<'f>) -> Self {
        Self { at, kind: PhantomData }
    }
}

impl<'de, T: Decode<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<T, D::Error> {
        T::decode(input, self.at)
    }
}

/// Text as bytes, because a string cut inside a character must not cost the whole line.
#[derive(Clone, Debug, Default)]
pub(super) struct Text<'de>(pub(super) Cow<'de, [u8]>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Decode<'de> for Text<'de> {
    fn decode<D: Deserializer<'de>>(input: D, at: At<'_>) -> Result<Self, D::Error> {
        struct TextVisitor<'f>(At<'f>);
        impl<'de> Visitor<'de> for TextVisitor<'_> {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_none<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
            fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Text<'de>, D::Error> {
                input.deserialize_bytes(self)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                self.0.expected("a string");
                Ok(Text::default())
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(bytes.to_vec())))
            }
        }
        input.deserialize_option(TextVisitor(at))
    }
}

/// A scalar that should be a number or a boolean, whatever JSON type it came as.
#[derive(Clone, Debug, Default)]
pub(super) enum Scalar<'de> {
    #[default]
    Absent,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'de, str>),
    /// A list or an object.
    Other(&'static str),
}

impl Scalar<'_> {
    /// As a 64-bit unsigned integer; absent is 0.
    pub(super) fn unsigned(&self) -> Result<u64, String> {
        // 2^64 as a float: everything below it converts exactly.
        let integral = |value: f64| {
            ((0.0..18_446_744_073_709_551_616.0).contains(&value) && value.fract() == 0.0).then_some(value as u64)
        };
        let value = match self {
            Self::Absent => Some(0),
            Self::Unsigned(value) => Some(*value),
            Self::Float(value) => integral(*value),
            Self::Text(text) if text.is_empty() => Some(0),
            Self::Text(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(integral)),
            _ => None,
        };
        value.ok_or_else(|| format!("{self} is not an unsigned 64-bit integer"))
    }

    /// As a 64-bit signed integer; absent is 0.
    pub(super) fn signed(&self) -> Result<i64, String> {
        let integral = |value: f64| {
            ((-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) && value.fract() == 0.0)
                .then_some(value as i64)
        };
        let value = match self {
            Self::Absent => Some(0),
            Self::Unsigned(value) => i64::try_from(*value).ok(),
            Self::Signed(value) => Some(*value),
            Self::Float(value) => integral(*value),
            Self::Text(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(integral)),
            Self::Bool(_) | Self::Other(_) => None,
        };
        value.ok_or_else(|| format!("{self} is not a signed 64-bit integer"))
    }

    /// As a 32-bit unsigned integer; absent is 0.
    pub(super) fn unsigned_32(&self) -> Result<u32, String> {
        u32::try_from(self.unsigned()?).map_err(|_| format!("{self} does not fit 32 bits"))
    }

    /// As an enumeration's number: a number, or one of `names`, whose position is the number.
    pub(super) fn enumeration(&self, names: &[&str]) -> Result<i32, String> {
        if let Self::Text(text) = self
            && let Some(at) = names.iter().position(|name| name == text)
        {
            return Ok(at as i32);
        }
        let number = self.signed().map_err(|_| format!("{self} is neither a number nor one of {}", names.join(" ")))?;
        i32::try_from(number).map_err(|_| format!("{self} does not fit 32 bits"))
    }

    /// As a float; ProtoJSON writes the ones that JSON has no literal for as strings.
    pub(super) fn double(&self) -> Result<f64, String> {
        match self {
            Self::Absent => Ok(0.0),
            Self::Unsigned(value) => Ok(*value as f64),
            Self::Signed(value) => Ok(*value as f64),
            Self::Float(value) => Ok(*value),
            Self::Text(text) => match &**text {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                other => other.parse().map_err(|_| format!("{self} is not a number")),
            },
            Self::Bool(_) | Self::Other(_) => Err(format!("{self} is not a number")),
        }
    }

    /// As a boolean.
    pub(super) fn boolean(&self) -> Result<bool, String> {
        match self {
            Self::Bool(value) => Ok(*value),
            Self::Absent => Ok(false),
            Self::Text(text) if text == "true" => Ok(true),
            Self::Text(text) if text == "false" => Ok(false),
            _ => Err(format!("{self} is not a boolean")),
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{:?}", text.chars().take(40).collect::<String>()),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl<'de> Decode<'de> for Scalar<'de> {
    fn decode<D: Deserializer<'de>>(input: D, _: At<'_>) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Absent)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Unsigned(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Signed(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Float(value))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other("a list"))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Scalar<'de>, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other("an object"))
            }
        }
        input.deserialize_any(ScalarVisitor)
    }
}

/// A list, `null` being the empty one.
#[derive(Clone, Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for List<T> {
    fn decode<D: Deserializer<'de>>(input: D, at: At<'_>) -> Result<Self, D::Error> {
        struct ListVisitor<'f, T>(At<'f>, PhantomData<T>);
        impl<'de, T: Decode<'de>> Visitor<'de> for ListVisitor<'_, T> {
            type Value = List<T>;
            no_scalars!(List<T>, "a list");
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                self.0.expected("a list");
                Ok(List::default())
            }
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element_seed(Seed::at(self.0))? {
                    list.push(item);
                }
                Ok(List(list))
            }
        }
        input.deserialize_any(ListVisitor(at, PhantomData))
    }
}

/// An object whose fields are data, in their order; `null` is the empty one.
#[derive(Clone, Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Entries<T> {
    fn decode<D: Deserializer<'de>>(input: D, at: At<'_>) -> Result<Self, D::Error> {
        struct EntriesVisitor<'f, T>(At<'f>, PhantomData<T>);
        impl<'de, T: Decode<'de>> Visitor<'de> for EntriesVisitor<'_, T> {
            type Value = Entries<T>;
            no_scalars!(Entries<T>, "an object");
            no_list!(Entries<T>, "an object");
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_unit<E>(self) -> Result<Entries<T>, E> {
                Ok(Entries::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key()? {
                    entries.push((name, map.next_value_seed(Seed::at(self.0))?));
                }
                Ok(Entries(entries))
            }
        }
        input.deserialize_any(EntriesVisitor(at, PhantomData))
    }
}

/// Anything, skipped without recursion.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Anything;

impl<'de> Decode<'de> for Anything {
    fn decode<D: Deserializer<'de>>(input: D, _: At<'_>) -> Result<Self, D::Error> {
        input.deserialize_ignored_any(IgnoredAny).map(|_| Self)
    }
}

/// A field's name, as one of a message's fields.
pub(super) struct FieldName<F>(pub(super) PhantomData<F>);

/// What [`message!`] makes of a field's name.
pub(super) trait FromName {
    fn from_name(name: &str) -> Self;
}

impl<'de, F: FromName> DeserializeSeed<'de> for FieldName<F> {
    type Value = F;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<F, D::Error> {
        struct NameVisitor<F>(PhantomData<F>);
        impl<F: FromName> Visitor<'_> for NameVisitor<F> {
            type Value = F;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<F, E> {
                Ok(F::from_name(name))
            }
        }
        input.deserialize_identifier(NameVisitor(PhantomData))
    }
}

/// Declares messages: `Name { field: Type = "jsonName" | "other_name", … }`. Of a field given twice
/// the last counts, as in ProtoJSON; unknown fields are skipped.
macro_rules! message {
    ($($(#[$doc:meta])* $message:ident { $($field:ident: $type:ty = $($name:literal)|+,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $message<'de> {
            $(pub(super) $field: $type,)*
            /// Some messages borrow nothing.
            pub(super) lifetime: std::marker::PhantomData<&'de ()>,
        }

        impl<'de> $crate::formats::json::Decode<'de> for $message<'de> {
            fn decode<D: serde::Deserializer<'de>>(
                input: D,
                at: $crate::formats::json::At<'_>,
            ) -> Result<Self, D::Error> {
                #[expect(non_camel_case_types, reason = "named after the fields")]
                enum Field { $($field,)* Unknown }
                impl $crate::formats::json::FromName for Field {
                    fn from_name(name: &str) -> Self {
                        match name { $($($name)|+ => Self::$field,)* _ => Self::Unknown }
                    }
                }
                struct MessageVisitor<'f>($crate::formats::json::At<'f>);
                impl<'de> serde::de::Visitor<'de> for MessageVisitor<'_> {
                    type Value = $message<'de>;
                    $crate::formats::json::no_scalars!($message<'de>, "an object");
                    $crate::formats::json::no_list!($message<'de>, "an object");
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($message), ")"))
                    }
                    fn visit_unit<E>(self) -> Result<$message<'de>, E> {
                        Ok($message::default())
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$message<'de>, A::Error> {
                        let mut message = $message::default();
                        let name = || $crate::formats::json::FieldName(std::marker::PhantomData::<Field>);
                        while let Some(field) = map.next_key_seed(name())? {
                            match field {
                                $(Field::$field => {
                                    message.$field = map.next_value_seed($crate::formats::json::Seed::at(self.0))?;
                                })*
                                Field::Unknown => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(message)
                    }
                }
                input.deserialize_any(MessageVisitor(at))
            }
        }
    )*};
}
pub(super) use message;

/// An `AnyValue`.
#[derive(Clone, Debug, Default)]
pub(super) enum AnyValue<'de> {
    #[default]
    Empty,
    Str(Text<'de>),
    Bool(Scalar<'de>),
    Int(Scalar<'de>),
    Double(Scalar<'de>),
    Bytes(Text<'de>),
    List(Vec<AnyValue<'de>>),
    Map(Vec<KeyValue<'de>>),
    TooDeep,
}

message! {
    /// A list of values.
    ArrayValue { values: List<AnyValue<'de>> = "values", }
    /// A list of pairs.
    KeyValueList { values: List<KeyValue<'de>> = "values", }
}

/// A key and its value.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyValue<'de> {
    pub(super) key: Text<'de>,
    pub(super) value: AnyValue<'de>,
}

message! {
    /// A key and its value, on the way in.
    KeyValueFields { key: Text<'de> = "key", value: AnyValue<'de> = "value", }
}

impl<'de> Decode<'de> for KeyValue<'de> {
    fn decode<D: Deserializer<'de>>(input: D, at: At<'_>) -> Result<Self, D::Error> {
        let fields = KeyValueFields::decode(input, at)?;
        Ok(Self { key: fields.key, value: fields.value })
    }
}

impl<'de> Decode<'de> for AnyValue<'de> {
    fn decode<D: Deserializer<'de>>(input: D, at: At<'_>) -> Result<Self, D::Error> {
        struct AnyVisitor<'f>(At<'f>);
        enum Field {
            Str,
            Bool,
            Int,
            Double,
            Bytes,
            Array,
            KvList,
            Unknown,
        }
        impl FromName for Field {
            fn from_name(name: &str) -> Self {
                match name {
                    "stringValue" | "string_value" => Self::Str,
                    "boolValue" | "bool_value" => Self::Bool,
                    "intValue" | "int_value" => Self::Int,
                    "doubleValue" | "double_value" => Self::Double,
                    "bytesValue" | "bytes_value" => Self::Bytes,
                    "arrayValue" | "array_value" => Self::Array,
                    "kvlistValue" | "kvlist_value" => Self::KvList,
                    _ => Self::Unknown,
                }
            }
        }
        impl<'de> Visitor<'de> for AnyVisitor<'_> {
            type Value = AnyValue<'de>;
            no_scalars!(AnyValue<'de>, "an object that names the value's type, such as {\"stringValue\": …}");
            no_list!(AnyValue<'de>, "an object that names the value's type, such as {\"arrayValue\": …}");
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object (AnyValue)")
            }
            fn visit_unit<E>(self) -> Result<AnyValue<'de>, E> {
                Ok(AnyValue::Empty)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue<'de>, A::Error> {
                let inner = self.0.deeper();
                let mut any = AnyValue::Empty;
                while let Some(field) = map.next_key_seed(FieldName(PhantomData::<Field>))? {
                    any = match field {
                        Field::Str => AnyValue::Str(map.next_value_seed(Seed::at(inner))?),
                        Field::Bool => AnyValue::Bool(map.next_value_seed(Seed::at(inner))?),
                        Field::Int => AnyValue::Int(map.next_value_seed(Seed::at(inner))?),
                        Field::Double => AnyValue::Double(map.next_value_seed(Seed::at(inner))?),
                        Field::Bytes => AnyValue::Bytes(map.next_value_seed(Seed::at(inner))?),
                        Field::Array => {
                            AnyValue::List(map.next_value_seed(Seed::<'_, ArrayValue<'de>>::at(inner))?.values.0)
                        }
                        Field::KvList => {
                            AnyValue::Map(map.next_value_seed(Seed::<'_, KeyValueList<'de>>::at(inner))?.values.0)
                        }
                        Field::Unknown => {
                            map.next_value::<IgnoredAny>()?;
                            any
                        }
                    };
                }
                Ok(any)
            }
        }
        if at.depth >= MAX_DEPTH {
            input.deserialize_ignored_any(IgnoredAny)?;
            return Ok(Self::TooDeep);
        }
        input.deserialize_any(AnyVisitor(at))
    }
}
