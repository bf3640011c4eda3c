//! Whole texts as people write them in plants and offices, in five languages: what is found, and what is not.

use millwright_policy::pii::Detector;

/// Asserts that exactly these pieces are found by shape; names and addresses have their own measure.
fn holds(text: &str, expected: &[(&str, &str)]) {
    let shaped = |kind: &str| !matches!(kind, "PERSON" | "STREET_ADDRESS" | "ORGANIZATION");
    let findings = Detector::default().detect(text);
    let found: Vec<_> = findings
        .iter()
        .filter(|finding| shaped(finding.kind.as_str()))
        .map(|finding| (finding.kind.as_str(), text.get(finding.start..finding.end).unwrap_or_default()))
        .collect();
    assert_eq!(found, expected, "in {text:?}");
}

#[test]
fn english() {
    holds(
        "Shift report 2021-03-04 06:00: pump P-101 (S/N 20210304-77) tripped at 12.5 bar. Operator can be reached on \
         0161 496 0123 or (201) 555-0123 ext. 44; badge mail j.smith@plant.example.com. PO 4500001234, item 10, 6205-2RS.",
        &[
            ("PHONE_NUMBER", "0161 496 0123"),
            ("PHONE_NUMBER", "(201) 555-0123 ext. 44"),
            ("EMAIL_ADDRESS", "j.smith@plant.example.com"),
        ],
    );
    holds(
        "New starter: born 4 March 1985, NI number QQ 12 34 56 C is a sample, hers is AB 12 34 56 C, passport 533380006, \
         SSN 054-28-6917, pays with 4111 1111 1111 1111.",
        &[
            ("DATE_OF_BIRTH", "4 March 1985"),
            ("UK_NINO", "AB 12 34 56 C"),
            ("PASSPORT", "533380006"),
            ("US_SSN", "054-28-6917"),
            ("CREDIT_CARD", "4111 1111 1111 1111"),
        ],
    );
}

#[test]
fn german() {
    holds(
        "Störung an Anlage 4711, Auftrag 4500001234/10, Teil 6ES7214-1AG40-0XB0, Firmware 2.8.10.3. Rückfragen: \
         Tel. 0711/123456-78, mobil +49 171 1234567, Steuer-ID 86 095 742 719, geb. am 04.05.1978, \
         IBAN DE89 3704 0044 0532 0130 00, RVNR 65 170839 J 003.",
        &[
            ("PHONE_NUMBER", "0711/123456-78"),
            ("PHONE_NUMBER", "+49 171 1234567"),
            ("DE_TAX_ID", "86 095 742 719"),
            ("DATE_OF_BIRTH", "04.05.1978"),
            ("IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
            ("DE_INSURANCE_ID", "65 170839 J 003"),
        ],
    );
}

#[test]
fn czech_polish_french() {
    holds(
        "Technik má rodné číslo 710319/2745 a telefon 601 123 456, účet CZ65 0800 0000 1920 0014 5399.",
        &[
            ("CZ_NATIONAL_ID", "710319/2745"),
            ("PHONE_NUMBER", "601 123 456"),
            ("IBAN_CODE", "CZ65 0800 0000 1920 0014 5399"),
        ],
    );
    holds(
        "PESEL 44051401458, tel. kom. 601 234 567, konto PL61 1090 1014 0000 0712 1981 2874",
        &[
            ("PL_NATIONAL_ID", "44051401458"),
            ("PHONE_NUMBER", "601 234 567"),
            ("IBAN_CODE", "PL61 1090 1014 0000 0712 1981 2874"),
        ],
    );
    holds(
        "Appelez le 01 42 68 53 00 ou écrivez à m.durand@usine.fr ; couple de serrage 45,5 N·m, vis M8x1,25.",
        &[("PHONE_NUMBER", "01 42 68 53 00"), ("EMAIL_ADDRESS", "m.durand@usine.fr")],
    );
}

#[test]
fn machines() {
    holds(
        "N10 G01 X12.5 Y-3 F1500\nN20 M30\n2021-03-04T12:33:10.123Z INFO plc[1234]: DB10.DBX0.0=1 dur=00:00:12.345 \
         id=550e8400-e29b-41d4-a716-446655440000 crc=0x1F4A5B6C ver=1.2.3.4 mem=12345678",
        &[],
    );
    holds("MAC 00:1A:2B:3C:4D:5E got 10.0.0.17", &[("MAC_ADDRESS", "00:1A:2B:3C:4D:5E"), ("IP_ADDRESS", "10.0.0.17")]);
}
