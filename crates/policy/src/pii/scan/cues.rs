//! Words before a number that say what it is.

use std::cell::OnceCell;

/// What a word announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Cue {
    /// A word for a telephone: even a bare number is one behind it.
    Phone,
    /// A verb of calling: a number of several groups is a telephone's behind it.
    Call,
    /// A payment card.
    Card,
    /// A brand or kind of payment card that leaves no doubt.
    CreditCard,
    /// A payment: a card may follow.
    Payment,
    /// A bank account.
    Bank,
    /// A social security number.
    SocialSecurity,
    /// A tax number.
    Tax,
    /// A German pension or health insurance number.
    Insurance,
    /// A Czech or Slovak birth number.
    BirthNumber,
    /// A Polish PESEL.
    Pesel,
    /// A British national insurance number.
    NationalInsurance,
    /// A birthday.
    Birth,
    /// A passport or an identity card.
    Passport,
    /// A driver's license.
    UsLicense,
    /// A driving licence elsewhere.
    License,
    /// A postal code.
    Zip,
    /// A network: what follows is an address and no version.
    Network,
    /// A version, a chapter: numbers with dots behind it are no addresses.
    Version,
    /// A thing that has a number: a part, an order, a machine.
    Thing,
}

/// The cues before a place: which there are, and the nearest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cues {
    set: u32,
    /// The nearest one.
    pub(super) last: Option<Cue>,
}

impl Cues {
    /// Whether one stands anywhere in the window.
    pub(super) const fn has(self, cue: Cue) -> bool {
        self.set & (1 << cue as u32) != 0
    }

    /// Whether this is the nearest one.
    pub(super) fn nearest(self, cue: Cue) -> bool {
        self.last == Some(cue)
    }
}

/// How many bytes before a place are looked at.
const WINDOW: usize = 56;

/// The cues before a place, read when first asked for.
pub(super) struct LazyCues<'t> {
    text: &'t str,
    at: usize,
    read: OnceCell<Cues>,
}

impl<'t> LazyCues<'t> {
    pub(super) const fn new(text: &'t str, at: usize) -> Self {
        Self { text, at, read: OnceCell::new() }
    }

    /// Whether a birthday is the nearest thing mentioned. Logs are full of dates, so this looks before it reads.
    pub(super) fn born(&self) -> bool {
        const PARTS: [&str; 7] = ["bor", "birth", "dob", "geb", "naro", "urodz", "née"];
        let lower = before(self.text, self.at, WINDOW).to_ascii_lowercase();
        PARTS.iter().any(|part| lower.contains(part)) && self.get().nearest(Cue::Birth)
    }

    pub(super) fn get(&self) -> Cues {
        *self.read.get_or_init(|| cues(before(self.text, self.at, WINDOW)))
    }
}

/// The text of at most so many bytes before a place.
pub(super) fn before(text: &str, at: usize, most: usize) -> &str {
    let mut from = at.saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..at).unwrap_or_default()
}

/// The text of at most so many bytes from a place on.
pub(super) fn after(text: &str, at: usize, most: usize) -> &str {
    let mut to = text.len().min(at + most);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    text.get(at..to).unwrap_or_default()
}

/// The cues in a stretch of text.
fn cues(window: &str) -> Cues {
    let lower = window.to_lowercase();
    let mut cues = Cues::default();
    let mut previous = "";
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with(char::is_alphabetic)) {
        if let Some(cue) = cue(previous, word) {
            cues.set |= 1 << cue as u32;
            cues.last = Some(cue);
        }
        if word != "s" {
            previous = word;
        }
    }
    cues
}

/// Whether the first word of a text speaks of a telephone: "555 1234 (mobile)".
pub(super) fn telephone_follows(text: &str) -> bool {
    let rest = text.trim_start_matches([' ', '-', '(', '[', ',']);
    if !rest.starts_with(char::is_alphabetic) {
        return false;
    }
    let lower = rest.to_lowercase();
    let word = lower.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    word == "office" || word == "home" || word == "work" || phone(word) == Some(Cue::Phone)
}

fn cue(previous: &str, word: &str) -> Option<Cue> {
    numbered(previous, word)
        .or_else(|| phone(word))
        .or_else(|| document(previous, word))
        .or_else(|| other(previous, word))
}

/// "my number", "contact number": it is a telephone's, if nothing else is said.
fn numbered(previous: &str, word: &str) -> Option<Cue> {
    if word != "number" && word != "nummer" {
        return None;
    }
    match previous {
        "contact" | "callback" => Some(Cue::Phone),
        "my" | "his" | "her" | "your" | "our" | "their" | "meine" | "seine" | "ihre" | "unsere" => Some(Cue::Call),
        _ => None,
    }
}

/// Whether a text ends with the label of a line in a list of telephones: "Home:", "T:".
pub(super) fn is_labelled(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some(label) = lower.trim_end_matches(' ').strip_suffix(':') else { return false };
    let word = label.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    matches!(word, "home" | "work" | "office" | "direct" | "main" | "privat" | "büro" | "t" | "m" | "p" | "f")
}

/// Whether a text ends with a word that leads from a verb of calling to a number: "call me at".
pub(super) fn leads_on(text: &str) -> bool {
    let word = text.trim_end_matches([' ', ':']).rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let words =
        ["at", "on", "under", "unter", "is", "dial", "ring", "call", "text", "to", "number", "registered", "lautet"];
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn phone(word: &str) -> Option<Cue> {
    match word {
        "phone" | "phones" | "telephone" | "telefone" | "tel" | "tlf" | "ph" | "mobile" | "mobil" | "mobilní"
        | "handy" | "cell" | "cellphone" | "cellular" | "desk" | "fax" | "faks" | "telefax" | "landline" | "pager"
        | "hotline" | "whatsapp" | "sms" | "gsm" | "tél" | "téléphone" | "portable" | "rufnummer" | "durchwahl"
        | "komórka" | "komórkowy" | "teléfono" | "móvil" | "cellulare" | "faxnummer" | "handynummer"
        | "mobilnummer" | "puhelin" | "voicemail" => Some(Cue::Phone),
        "call" | "calling" | "called" | "callback" | "dial" | "ring" | "reach" | "reached" | "contact"
        | "answering" | "messages" | "message" | "registered" | "anrufen" | "erreichbar" | "erreichen" | "zadzwoń"
        | "volejte" | "appelez" | "text" | "texted" => Some(Cue::Call),
        _ if word.starts_with("telefon") => Some(Cue::Phone),
        _ => None,
    }
}

fn document(previous: &str, word: &str) -> Option<Cue> {
    Some(match word {
        "card" | "cc" | "karte" | "carte" | "tarjeta" | "cvv" | "cvc" => match previous {
            "credit" | "debit" => Cue::CreditCard,
            "memory" | "sd" | "graphics" | "network" | "sound" | "time" | "index" | "plug" | "interface" | "video" => {
                Cue::Thing
            }
            _ => Cue::Card,
        },
        "visa" | "mastercard" | "amex" | "maestro" | "kreditkarte" | "kreditkartennummer" => Cue::CreditCard,
        "express" if previous == "american" => Cue::CreditCard,
        "iban" | "bic" | "kontonummer" | "bankverbindung" | "transfer" | "wire" | "konto" | "account" => Cue::Bank,
        "charge" | "charged" | "pay" | "paid" | "payment" | "billing" => Cue::Payment,
        "ssn" | "ssns" | "itin" => Cue::SocialSecurity,
        "security" if previous == "social" => Cue::SocialSecurity,
        "steuernummer" | "steueridentifikationsnummer" | "steueridnr" | "idnr" | "tin" | "steuer" => Cue::Tax,
        "id" | "identification" | "number" if previous == "tax" => Cue::Tax,
        "sozialversicherungsnummer"
        | "rentenversicherungsnummer"
        | "versicherungsnummer"
        | "krankenversicherungsnummer"
        | "krankenversichertennummer"
        | "versichertennummer"
        | "versicherten"
        | "kvnr"
        | "rvnr"
        | "svnr"
        | "rentenversicherung"
        | "krankenversicherung"
        | "krankenkasse" => Cue::Insurance,
        "rodné" | "rodne" | "rodného" | "rč" => Cue::BirthNumber,
        "number" if previous == "birth" => Cue::BirthNumber,
        "pesel" => Cue::Pesel,
        "nino" | "nin" => Cue::NationalInsurance,
        "insurance" if previous == "national" => Cue::NationalInsurance,
        "passport"
        | "passports"
        | "reisepass"
        | "reisepassnummer"
        | "passnummer"
        | "passeport"
        | "paszport"
        | "pas"
        | "personalausweis"
        | "personalausweisnummer"
        | "ausweisnummer"
        | "pasaporte"
        | "passaporto" => Cue::Passport,
        "license" | "licenses" if is_driver(previous) => Cue::UsLicense,
        "licence" | "permit" if is_driver(previous) => Cue::License,
        "führerschein" | "führerscheinnummer" | "führerscheins" | "řidičský" | "řidičského" | "rijbewijs" => {
            Cue::License
        }
        _ => return None,
    })
}

fn is_driver(word: &str) -> bool {
    matches!(word, "driver" | "drivers" | "driving")
}

fn other(previous: &str, word: &str) -> Option<Cue> {
    Some(match word {
        "zip" | "zipcode" | "postcode" | "plz" | "postleitzahl" | "psč" | "pocztowy" => Cue::Zip,
        "code" if matches!(previous, "postal" | "post" | "zip") => Cue::Zip,
        "born" | "birthday" | "birthdate" | "dob" | "geboren" | "geb" | "geburtsdatum" | "geburtstag" | "née"
        | "narozen" | "narozena" | "narození" | "urodzony" | "urodzona" | "urodzenia" | "birth" => Cue::Birth,
        "ip" | "ipv4" | "host" | "server" | "dns" | "ping" | "gateway" | "address" | "addr" | "subnet" | "adresse"
        | "ssh" | "client" | "mask" | "netmask" | "router" => Cue::Network,
        "version" | "v" | "ver" | "firmware" | "release" | "revision" | "rev" | "section" | "chapter" | "clause"
        | "kapitel" | "abschnitt" | "stand" | "oid" | "build" => Cue::Version,
        "serial" | "part" | "parts" | "order" | "orders" | "model" | "article" | "item" | "sku" | "batch" | "lot"
        | "invoice" | "artikel" | "artikelnummer" | "bestellung" | "bestellnummer" | "teil" | "teilenummer" | "sap"
        | "material" | "materialnummer" | "drawing" | "asset" | "ticket" | "po" | "catalog" | "catalogue"
        | "seriennummer" | "auftrag" | "auftragsnummer" | "zeichnung" | "rechnung" | "imei" | "ean" | "gtin"
        | "isbn" | "issn" | "equipment" | "type" | "typ" | "ref" | "reference" | "register" | "pin" | "error"
        | "alarm" | "code" | "issue" | "commit" | "udi" | "tracking" | "wo" | "pn" | "sn" | "hash" | "uuid" => {
            Cue::Thing
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let text = "Phone: 467 3395, my driver's license number is ";
        let found = LazyCues::new(text, text.len()).get();
        assert!(found.has(Cue::Phone) && found.nearest(Cue::UsLicense));
        assert_eq!(cues("social security number").last, Some(Cue::SocialSecurity));
        assert_eq!(cues("Führerschein Nr.").last, Some(Cue::License));
        assert_eq!(cues("the SD card").last, Some(Cue::Thing));
        assert!(telephone_follows("-Office\\,0770") && telephone_follows(" (mobile)") && !telephone_follows(" rpm"));
    }

    #[test]
    fn windows_end_between_characters() {
        let text = "ääää".repeat(40);
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert!(before(&text, at, 7).len() <= 7 && after(&text, at, 7).len() <= 7);
        }
    }
}
