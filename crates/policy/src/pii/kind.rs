use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Declares the types once, so that list, words and parsing cannot drift apart.
macro_rules! pii_types {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// What kind of personal data a piece of text is. The words are those of Presidio where it has one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum PiiType {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $variant,)+
        }

        impl PiiType {
            /// All types, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used on the wire and inside placeholders.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

pii_types! {
    /// The name of a person, in whole or in part.
    Person = "PERSON",
    /// A postal address or a part of one.
    StreetAddress = "STREET_ADDRESS",
    /// A company, an authority, an association.
    Organization = "ORGANIZATION",
    /// A country, a state, a town.
    Gpe = "GPE",
    /// A nationality, a religious or a political group.
    Nrp = "NRP",
    /// A form of address ("Mr.", "Frau") or an academic title.
    Title = "TITLE",
    /// The age of a person in years.
    Age = "AGE",
    /// A date, a time, a year, a day of the week.
    DateTime = "DATE_TIME",
    /// A date that words around it call somebody's birthday.
    DateOfBirth = "DATE_OF_BIRTH",
    /// A postal code that stands alone.
    ZipCode = "ZIP_CODE",
    /// An e-mail address.
    EmailAddress = "EMAIL_ADDRESS",
    /// A telephone or fax number with its extension.
    PhoneNumber = "PHONE_NUMBER",
    /// The number of a payment card.
    CreditCard = "CREDIT_CARD",
    /// An international bank account number (ISO 13616).
    IbanCode = "IBAN_CODE",
    /// A United States social security number.
    UsSsn = "US_SSN",
    /// A United States individual taxpayer identification number.
    UsItin = "US_ITIN",
    /// A German tax identification number (Steuer-ID).
    DeTaxId = "DE_TAX_ID",
    /// A German pension or health insurance number.
    DeInsuranceId = "DE_INSURANCE_ID",
    /// A Czech or Slovak birth number (rodné číslo).
    CzNationalId = "CZ_NATIONAL_ID",
    /// A Polish PESEL.
    PlNationalId = "PL_NATIONAL_ID",
    /// A United Kingdom national insurance number.
    UkNino = "UK_NINO",
    /// The number of a passport.
    Passport = "PASSPORT",
    /// The number of a driver's license, as Americans call it.
    UsDriverLicense = "US_DRIVER_LICENSE",
    /// The number of a driving licence of another country.
    DriverLicense = "DRIVER_LICENSE",
    /// An address of the internet protocol, version 4 or 6.
    IpAddress = "IP_ADDRESS",
    /// A hardware address of a network card.
    MacAddress = "MAC_ADDRESS",
    /// A web address with more than a host in it.
    Url = "URL",
    /// A domain name, bare or as a web address that names nothing but it.
    DomainName = "DOMAIN_NAME",
}

impl fmt::Display for PiiType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a type of personal data such as PERSON or EMAIL_ADDRESS")]
pub struct InvalidPiiType;

impl FromStr for PiiType {
    type Err = InvalidPiiType;

    fn from_str(text: &str) -> Result<Self, InvalidPiiType> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(InvalidPiiType)
    }
}

/// A set of built-in types, small enough to be passed by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TypeSet(u64);

impl TypeSet {
    pub(crate) const ALL: Self = Self((1 << PiiType::ALL.len()) - 1);

    pub(crate) const fn of(kinds: &[PiiType]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < kinds.len() {
            set |= 1 << kinds[at] as u64;
            at += 1;
        }
        Self(set)
    }

    pub(crate) const fn has(self, kind: PiiType) -> bool {
        self.0 & (1 << kind as u64) != 0
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn insert(&mut self, kind: PiiType) {
        self.0 |= 1 << kind as u64;
    }
}

/// What a finding is: a built-in type, or a pattern that the tenant configured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PiiKind {
    /// Found by a detector of ours.
    Builtin(PiiType),
    /// Found by the configured pattern or word list of this name.
    Custom(Arc<str>),
}

impl PiiKind {
    /// The word used on the wire and inside placeholders.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Builtin(kind) => kind.as_str(),
            Self::Custom(name) => name,
        }
    }

    /// The built-in type, if it is one.
    pub const fn builtin(&self) -> Option<PiiType> {
        match self {
            Self::Builtin(kind) => Some(*kind),
            Self::Custom(_) => None,
        }
    }
}

impl From<PiiType> for PiiKind {
    fn from(kind: PiiType) -> Self {
        Self::Builtin(kind)
    }
}

impl From<&str> for PiiKind {
    fn from(word: &str) -> Self {
        word.parse().map_or_else(|_| Self::Custom(word.into()), Self::Builtin)
    }
}

impl fmt::Display for PiiKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for PiiKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PiiKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<'de, str>::deserialize(deserializer)?;
        if word.is_empty() {
            return Err(de::Error::custom("expected the name of a type or of a configured pattern"));
        }
        Ok(Self::from(&*word))
    }
}

impl utoipa::PartialSchema for PiiType {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|kind| kind.as_str())))
            .into()
    }
}

impl utoipa::ToSchema for PiiType {}

impl utoipa::PartialSchema for PiiKind {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).into()
    }
}

impl utoipa::ToSchema for PiiKind {}

/// A piece of text that is personal data. Offsets are bytes and lie between characters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// What it is.
    pub kind: PiiKind,
    /// How sure we are, from 0 to 1. Above 0.9 a check digit or an unmistakable shape has spoken.
    pub score: f32,
}

impl Finding {
    /// A finding of a built-in type.
    pub const fn new(start: usize, end: usize, kind: PiiType, score: f32) -> Self {
        Self { start, end, kind: PiiKind::Builtin(kind), score }
    }

    /// Its length in bytes.
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it covers nothing; no detector makes such a one.
    pub const fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether both cover a common byte.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for kind in PiiType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(TypeSet::of(&[*kind]).has(*kind) && TypeSet::ALL.has(*kind));
        }
        assert_eq!("person".parse::<PiiType>(), Err(InvalidPiiType));
        assert!(!TypeSet::of(&[PiiType::Person]).has(PiiType::Url));
        assert!(PiiType::ALL.len() < 64);
    }

    #[test]
    fn a_kind_is_a_built_in_type_or_a_name() {
        assert_eq!(PiiKind::from("PERSON"), PiiKind::Builtin(PiiType::Person));
        let custom: PiiKind = serde_json::from_str("\"BADGE\"").unwrap();
        assert_eq!(custom, PiiKind::Custom("BADGE".into()));
        assert_eq!(serde_json::to_string(&custom).unwrap(), "\"BADGE\"");
        assert!(serde_json::from_str::<PiiKind>("\"\"").is_err());
    }
}
