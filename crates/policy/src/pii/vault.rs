use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

use super::{
    Detector, Finding, Mode, PiiKind, PiiSettings, PiiType, Restorer,
    placeholder::{self, Placeholder},
    words::Words,
};

/// The values that one conversation has hidden behind placeholders.
///
/// Serialised it holds the personal data themselves: the caller encrypts it.
///
/// ```
/// # use millwright_policy::pii::{Detector, Vault};
/// let mut vault = Vault::default();
/// let redacted = vault.redact(&Detector::default(), "Mail ada@example.org, then ADA@example.org.");
/// assert_eq!(redacted.text, "Mail [EMAIL_ADDRESS_1], then [EMAIL_ADDRESS_1v2].");
/// assert_eq!(vault.restore("I wrote to [email_address_1]."), "I wrote to ada@example.org.");
/// ```
#[derive(Clone, Default)]
pub struct Vault {
    entries: Vec<Entry>,
    /// The entry by kind and normalised value.
    known: HashMap<(String, String), usize>,
    /// The variant by entry and spelling.
    variants: HashMap<(usize, String), u32>,
    /// The highest number of each kind.
    numbers: HashMap<String, u32>,
    changed: bool,
    /// Made when asked for, of all spellings.
    lookup: OnceLock<Arc<Lookup>>,
    finder: OnceLock<Option<Words>>,
}

/// The values by their placeholders.
pub(super) type Lookup = HashMap<Placeholder, String>;

/// A value: all its spellings, the first of which the plain placeholder stands for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: String,
    number: u32,
    spellings: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<E> {
    version: u32,
    entries: E,
}

/// A vault that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the JSON of a vault, version 1")]
pub struct InvalidVault;

/// A text without its personal data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redacted {
    /// The text with placeholders.
    pub text: String,
    /// How many pieces of each kind were replaced.
    pub counts: BTreeMap<String, u32>,
    /// The kinds whose mode refuses the text; their values are masked in it all the same.
    pub blocked: Vec<PiiKind>,
}

const VERSION: u32 = 1;

impl Vault {
    /// Reads what [`Vault::to_json`] wrote.
    pub fn from_json(json: &str) -> Result<Self, InvalidVault> {
        let stored: Stored<Vec<Entry>> = serde_json::from_str(json).map_err(|_| InvalidVault)?;
        if stored.version != VERSION {
            return Err(InvalidVault);
        }
        let mut vault = Self::default();
        for entry in stored.entries {
            let Some(first) = entry.spellings.first() else { return Err(InvalidVault) };
            let key = (entry.kind.clone(), normalise(&entry.kind, first));
            let highest = vault.numbers.entry(entry.kind.clone()).or_default();
            // Numbers of a kind rise, so none is given twice.
            if entry.number <= *highest || vault.known.insert(key, vault.entries.len()).is_some() {
                return Err(InvalidVault);
            }
            *highest = entry.number;
            for (variant, spelling) in (1..).zip(&entry.spellings) {
                if vault.variants.insert((vault.entries.len(), spelling.clone()), variant).is_some() {
                    return Err(InvalidVault);
                }
            }
            vault.entries.push(entry);
        }
        Ok(vault)
    }

    /// The vault as JSON, personal data included.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Stored { version: VERSION, entries: &self.entries }).unwrap_or_default()
    }

    /// Whether values were added since it was made or read.
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// How many spellings of values it knows: grows whenever it must be stored anew.
    pub fn spellings(&self) -> usize {
        self.entries.iter().map(|entry| entry.spellings.len()).sum()
    }

    /// How many values it knows, spellings of one value counted once.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it knows nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Replaces what the detector finds, as its settings want it.
    ///
    /// If nothing is masked or blocked, [`Vault::restore`] gives back the text byte for byte, also when the text itself
    /// holds something that reads like a placeholder: that is hidden behind a `[LITERAL_1]`.
    pub fn redact(&mut self, detector: &Detector, text: &str) -> Redacted {
        let findings = self.with_literals(detector, text);
        let mut redacted = Redacted { text: String::with_capacity(text.len()), ..Redacted::default() };
        let mut at = 0;
        for finding in &findings {
            let value = text.get(finding.start..finding.end).unwrap_or_default();
            redacted.text.push_str(text.get(at..finding.start).unwrap_or_default());
            at = finding.end;
            self.replace(detector, finding, value, &mut redacted);
        }
        redacted.text.push_str(text.get(at..).unwrap_or_default());
        redacted
    }

    /// What [`redact`](Self::redact) puts in which place of the text: bytes and what stands there instead, in order.
    pub fn replacements(&mut self, detector: &Detector, text: &str) -> Vec<(Range<usize>, String)> {
        let mut replaced = Vec::new();
        for finding in self.with_literals(detector, text) {
            let (mut instead, value) = (Redacted::default(), text.get(finding.start..finding.end).unwrap_or_default());
            self.replace(detector, &finding, value, &mut instead);
            if instead.text != value {
                replaced.push((finding.start..finding.end, instead.text));
            }
        }
        replaced
    }

    fn replace(&mut self, detector: &Detector, finding: &Finding, value: &str, redacted: &mut Redacted) {
        let kind = finding.kind.as_str();
        let literal = kind == PiiSettings::RESERVED;
        let mode = if literal { Mode::Pseudonymise } else { detector.settings().mode(&finding.kind) };
        match mode {
            Mode::Allow => redacted.text.push_str(value),
            Mode::Pseudonymise => redacted.text.push_str(&self.placeholder(kind, value).to_string()),
            Mode::Mask | Mode::Block => {
                redacted.text.push('[');
                redacted.text.push_str(kind);
                redacted.text.push(']');
            }
        }
        if mode == Mode::Block && !redacted.blocked.contains(&finding.kind) {
            redacted.blocked.push(finding.kind.clone());
        }
        if mode != Mode::Allow && !literal {
            *redacted.counts.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// The findings, and what reads like a placeholder of ours as a finding of its own kind.
    fn with_literals(&self, detector: &Detector, text: &str) -> Vec<Finding> {
        let ours = |name: &str| {
            name == PiiSettings::RESERVED
                || name.parse::<PiiType>().is_ok()
                || self.numbers.contains_key(name)
                || detector.settings().custom.iter().any(|custom| custom.name == name)
        };
        let mut findings = detector.detect(text).into_iter().peekable();
        let mut all = Vec::new();
        for (start, end, _) in placeholder::all(text).filter(|(_, _, placeholder)| ours(&placeholder.name)) {
            while let Some(finding) = findings.next_if(|finding| finding.end <= start) {
                all.push(finding);
            }
            // A finding that sticks out destroys the look of a placeholder; one inside would leave its frame behind.
            let mut destroyed = all.last().is_some_and(|last: &Finding| last.end > start);
            while let Some(finding) = findings.next_if(|finding| finding.start < end) {
                if finding.start < start || finding.end > end {
                    destroyed = true;
                    all.push(finding);
                }
            }
            if !destroyed {
                all.push(Finding { start, end, kind: PiiKind::Custom(PiiSettings::RESERVED.into()), score: 1.0 });
            }
        }
        all.extend(findings);
        all
    }

    /// The placeholder of a value, a new one if the value is new.
    fn placeholder(&mut self, kind: &str, value: &str) -> Placeholder {
        let key = (kind.to_owned(), normalise(kind, value));
        let place = self.known.get(&key).copied().unwrap_or_else(|| {
            let number = self.numbers.entry(kind.to_owned()).or_default();
            *number += 1;
            self.entries.push(Entry { kind: kind.to_owned(), number: *number, spellings: Vec::new() });
            self.known.insert(key, self.entries.len() - 1);
            self.entries.len() - 1
        });
        let Some(entry) = self.entries.get_mut(place) else { return Placeholder::default() };
        let variant = *self.variants.entry((place, value.to_owned())).or_insert_with(|| {
            entry.spellings.push(value.to_owned());
            self.changed = true;
            self.lookup = OnceLock::new();
            self.finder = OnceLock::new();
            u32::try_from(entry.spellings.len()).unwrap_or(u32::MAX)
        });
        Placeholder { name: kind.to_owned(), number: entry.number, variant }
    }

    /// Replaces every value that the vault knows by its placeholder, wherever it stands as a whole word. Nothing new is
    /// looked for, and what already is a placeholder stays.
    pub fn mask_known(&self, text: &str) -> String {
        let finder =
            self.finder.get_or_init(|| Words::exact(&self.values().map(|(_, value)| value).collect::<Vec<_>>()));
        let Some(finder) = finder else { return text.to_owned() };
        let mut placeholders = placeholder::all(text).peekable();
        let names: Vec<_> = self.values().map(|(placeholder, _)| placeholder).collect();
        let (mut masked, mut at) = (String::with_capacity(text.len()), 0);
        finder.find(text, |start, end, index| {
            while placeholders.next_if(|(_, to, _)| *to <= start).is_some() {}
            let inside = placeholders.peek().is_some_and(|(from, to, _)| *from < end && start < *to);
            if let (false, Some(name)) = (inside, names.get(index)) {
                masked.push_str(text.get(at..start).unwrap_or_default());
                masked.push_str(&name.to_string());
                at = end;
            }
        });
        masked.push_str(text.get(at..).unwrap_or_default());
        masked
    }

    /// Puts the values back in the place of their placeholders. What the vault does not know stays.
    pub fn restore(&self, text: &str) -> String {
        let mut restorer = self.restorer();
        let mut restored = restorer.push(text);
        restored.push_str(&restorer.finish());
        restored
    }

    /// Does the same to a text that comes in pieces.
    pub fn restorer(&self) -> Restorer {
        let lookup = self.lookup.get_or_init(|| {
            let literals = self.entries.iter().filter(|entry| entry.kind == PiiSettings::RESERVED).flat_map(spellings);
            let values = self.values().chain(literals);
            Arc::new(values.map(|(placeholder, value)| (placeholder, value.to_owned())).collect())
        });
        Restorer::new(Arc::clone(lookup))
    }

    /// All spellings with their placeholders, but for those that only look like placeholders.
    fn values(&self) -> impl Iterator<Item = (Placeholder, &str)> {
        self.entries.iter().filter(|entry| entry.kind != PiiSettings::RESERVED).flat_map(spellings)
    }
}

impl fmt::Debug for Vault {
    /// Says how many values there are and none of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} values)", self.entries.len())
    }
}

fn spellings(entry: &Entry) -> impl Iterator<Item = (Placeholder, &str)> {
    (1..).zip(&entry.spellings).map(|(variant, value)| {
        (Placeholder { name: entry.kind.clone(), number: entry.number, variant }, value.as_str())
    })
}

/// What makes two spellings the same value: digits of a number, letters and digits of a code, words of a name.
fn normalise(kind: &str, value: &str) -> String {
    match kind.parse() {
        // The path of a web address minds the case.
        Ok(PiiType::Url) => value.to_owned(),
        Err(_) if kind == PiiSettings::RESERVED => value.to_owned(),
        Ok(PiiType::PhoneNumber | PiiType::CreditCard | PiiType::UsSsn | PiiType::UsItin | PiiType::DeTaxId) => {
            value.chars().filter(char::is_ascii_digit).collect()
        }
        Ok(
            PiiType::IbanCode | PiiType::UkNino | PiiType::DeInsuranceId | PiiType::CzNationalId | PiiType::MacAddress,
        ) => value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect(),
        _ => value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
    }
}
