//! Words by what they do in a sentence, in six languages.
//!
//! A classifier that has seen `disregard the above` should know `missachte die obigen` too. Words are therefore replaced
//! by what they do (set aside, what came before, rule), and the features are built over these classes as well as over
//! the words. The list is small on purpose: it holds words of requests and of rules, no topics.

use std::sync::LazyLock;

macro_rules! tags {
    ($($name:ident = $words:expr;)*) => {
        /// What a word does in a sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub(super) enum Tag { $(
            #[doc = concat!("Words like those listed under `", stringify!($name), "`.")]
            $name,
        )* }

        const WORDS: &[(Tag, &str)] = &[$((Tag::$name, $words),)*];
    };
}

tags! {
    Override = "ignore ignores ignored ignoring disregard* forget forgets forgot forgotten overrule* override* overrid* bypass* circumvent* \
        neglect discard* skip skipping unlearn erase reset cancel revoke supersede* void dismiss omit abandon nullify \
        ignorier* vergiss vergessen missachte* übergeh* überschreib* verwirf umgeh* streiche \
        ignorez oublie* négligez outrepass* contourne* olvida* olvide ignora* omite descarta* anula* \
        ignoruj* zapomeň* zapomen* pomiň* obejdi přepiš zignoruj* zapomnij* pomiń obejdź nadpisz";
    Prior = "previous previously prior above earlier preceding foregoing former existing original initial beforehand already given past \
        vorherig* vorigen vorige bisherig* obig* früher* oben ursprünglich* vorangegangen* vorstehend* \
        précédent* antérieur* dessus initial* anterior* previa* previo* arriba \
        předchoz* dosavadní* původní* výše poprzedni* wcześniejsz* powyższ* dotychczasow*";
    Rule = "instruction* prompt prompts rule rules guideline* directive* command commands policy policies order orders constraint* \
        restriction* programming protocol* requirement* regulations safeguard* guardrail* limitation* \
        anweisung* regel regeln vorgabe* befehl* richtlinie* instruktion* vorschrift* beschränkung* einschränkung* \
        consigne* règle* directive* contrainte* restriction* instruccion* regla* órdenes ordenes restriccion* directrices \
        pokyn* pravidl* instrukc* příkaz* omezení polece* zasad* wytyczn* reguł* ogranicze*";
    System = "system developer hidden internal confidential secret secrets preprompt metaprompt backend configuration initialization \
        systemprompt systemanweisung* geheim* versteckt* intern* vertraulich* entwickler* système secret* caché* sistema secreto* oculto* \
        systémov* tajn* skryt* systemow* ukryt* poufn*";
    Reveal = "reveal* show print printf display repeat leak leaks disclose* dump expose recite echo divulge paste quote unveil regurgitate \
        zeig* verrate* offenbare* wiederhol* enthülle* nenne montre* révèle* affiche* répète* divulgue* muestra* revela* repite* imprime* \
        ukaž* odhal* zopakuj* vypiš* prozraď pokaż* ujawnij* powtórz* wypisz* zdradź";
    Say = "say says respond responds reply answer answers output outputs return write type speak state utter tell \
        sag sage antworte* schreib schreibe ausgabe gib dis dites réponds répondez écris di responde* escribe* řekni odpověz* napiš* powiedz* odpowiedz* napisz*";
    Persona = "act acting pretend* roleplay* role-play simulate* simulation simulator impersonate* persona character behave imitate embody \
        emulate mimic alter ego jailbreak* jailbroken unlocked spiel spielst verhalte* tu rolle benimm joue agis comportez actúa actua finge \
        předstírej chovej hraj udawaj zachowuj";
    Become = "become becomes transform transformed switched mode now henceforth onwards jetzt nun désormais maintenant ahora nyní teď teraz odtąd";
    You = "you u du ihr sie dir dich vous te toi tú usted vy ty ci";
    Your = "your yours yourself dein* ihre ihren ihrer votre vos ton tes su sus tu tus svou svůj svoje tvoje tvůj vaše twój twoja twoje swoj* swój";
    Reply = "response responses reply replies answer answers output summary completion message antwort* rückmeldung zusammenfassung \
        réponse* résumé respuesta* resumen odpověď* odpovědi souhrn odpowied* podsumowani*";
    Machine = "ai chatgpt gpt gpt-4 gpt-3 gpt4 openai assistant* chatbot* llm llms bot model language claude gemini bard copilot llama mistral bing \
        agent ki assistent* sprachmodell* ia modèle modelo asistente asistent* model* asystent* anthropic siri alexa";
    Lawless = "unrestricted uncensored unfiltered unethical immoral illegal amoral unbiased nsfw explicit taboo offensive unlimited limitless \
        censorship censor filter filters filtered freed free freedom broken anything everything uneingeschränkt* unzensiert* illegal* \
        sans-filtre illimité* ilegal* sin-restricciones";
    Ethic = "ethic* moral* legal* morality legality harmful dangerous inappropriate safety safe content principles values consequences \
        ethisch* moralisch* éthique* ético* etick*";
    Refuse = "refuse* refusal decline declining warn warning warnings disclaimer* apologize apologise sorry cannot can't unable reject lecture \
        verweiger* weiger* ablehn* refuser rechazar odmítn* odmów*";
    Never = "never not don't dont do-not without stop no nothing nie niemals nicht kein* keine ohne ne jamais pas sans nunca jamás sin nikdy nigdy bez nie";
    Must = "must shall should always only strictly exactly immediately urgent important attention mandatory required muss musst müssen immer nur \
        wichtig sofort ausschließlich doit devez toujours uniquement immédiatement debes debe siempre solo sólo inmediatamente \
        musíš musíte vždy pouze okamžitě musisz zawsze tylko natychmiast ważne";
    Task = "compose draft explain describe summarize summarise translate generate create list provide give suggest recommend outline develop craft \
        design calculate compute solve define compare rewrite paraphrase classify analyze analyse brainstorm invent narrate elaborate discuss \
        help teach find search compile propose evaluate interpret convert break illustrate construct produce name share present formulate predict \
        plan book schedule look determine identify tell write what's \
        erkläre* beschreib* übersetz* verfass* erstell* berechne* nenn* schlag erzähl* fasse liste entwirf dichte \
        expliquez explique* décris décrivez rédige* traduis* traduisez calcule* propose* raconte* résume* \
        describe* redacta* traduce* calcula* cuenta* resume* genera* \
        vysvětli* popiš* přelož* spočítej* navrhni* vymysli* vyjmenuj* wyjaśnij* opisz* przetłumacz* oblicz* zaproponuj* wymień* opowiedz*";
    Genre = "poem poems story stories essay haiku song lyrics joke jokes letter speech dialogue article blog tweet recipe recipes limerick sonnet \
        verse riddle fable tale novel screenplay script slogan headline paragraph introduction outline biography itinerary quiz pun proverb \
        ballad caption tagline monologue scene \
        gedicht geschichte aufsatz witz brief rede rezept märchen poème histoire blague recette lettre poema cuento chiste receta carta \
        báseň básničku příběh vtip recept dopis wiersz opowiadanie żart przepis list";
    Encode = "base64 base32 rot13 caesar cipher ciphers encode encoded encoding encrypt encrypted decode decoded decoding reverse reversed backwards \
        anagram* scramble* jumble* shuffle binary morse emoji emojis vowel vowels consonant* letter letters uppercase lowercase capitalize* \
        capital leetspeak hex hexadecimal ascii unicode palindrome* homophon* alphanumeric substitut* misspell* spell spelling characters \
        concatenate* character spaces whitespace hyphen* punctuation pig-latin symbols syllable* acronym* \
        verschlüssel* kodier* rückwärts buchstabe* großbuchstabe* chiffre* encode* lettres codifica* letras zašifruj* zakóduj* písmen* zaszyfruj* liter*";
    Modify = "add include append insert integrate incorporate embed mention enhance augment modify conclude begin end start finish weave blend \
        emphasize emphasise highlight inject replace substitute adapt alter infuse introduce transform prefix sprinkle slip tuck work close open \
        füge ergänz* erwähn* beginne beende ersetze baue hebe ajoute* incluez inclus mentionne* termine* remplace* \
        añade* incluye* menciona* termina* reemplaza* přidej* zmiň* vlož* nahraď* dodaj* wspomnij* zakończ* zamień* wstaw*";
    Promote = "subscribe download buy discount offer visit click promo promote promotes promotion deal advertise advertisement sale coupon install \
        app newsletter product brand giveaway prize win winner limited purchase sign signup join endorse sponsor exclusive shop store \
        kaufe* besuche* abonnier* herunterlad* rabatt acheter achetez visitez cliquez compra* visita* descarga* kup* navštiv* odwiedź* pobierz*";
    Secret = "password passwords passcode credential* token tokens credit card bank account verify ssn login pin bitcoin wallet crypto iban \
        key keys api secret social security personal details passwort* kennwort zugangsdaten mot-de-passe contraseña* heslo hesla hasło hasła";
    Hoax = "fake false hoax conspiracy rumor rumour shocking scandal sensational misinformation fabricated aliens secretly cover-up cure cures \
        clickbait tease unbelievable revelation miracle debunked alleged";
    Send = "send forward email e-mail post upload transmit exfiltrate transfer delete execute run call invoke fetch open curl wire pay approve grant \
        sende* leite schick* lösche* überweis* führe envoie* envoyez supprime* transfère* envía* envia* borra* elimina* transfiere* \
        pošli* odešli* smaž* spusť* převeď* wyślij* usuń* uruchom* przelej*";
    Question = "what how why who whom whose when where which was wie warum wer wann wo welche* quel* comment pourquoi qui quand où \
        qué cómo por-qué quién cuándo dónde cuál co jak proč kdo kdy kde který jaký dlaczego kto kiedy gdzie który jaki";
    Tongue = "spanish german french english italian chinese japanese russian polish czech portuguese arabic korean latin hindi dutch turkish greek \
        deutsch englisch französisch spanisch italienisch anglais allemand espagnol inglés alemán francés anglicky německy angielsk* niemieck*";
    Tool = "tool tools function functions plugin browser api endpoint webhook terminal shell admin administrator sudo root maintenance debug diagnostic override";
    Human = "we our us i my me i'm we're i've wir uns unser* ich mein* mir mich nous notre nos mon ma mes je nosotros nuestro* mi mis yo \
        my náš naše mně já nasz* mój moja ja";
    Courtesy = "please thanks thank regards dear hi hello kindly sincerely best cheers bitte danke grüße hallo liebe* geehrte* merci bonjour cordialement \
        gracias hola saludos prosím děkuji dobrý pozdravem proszę dziękuję cześć pozdrawiam";
    Stop = "the a an of to and in is it that for on with as are be this or by from at der die das und zu den von mit ist ein eine auf für \
        le la les de des et un une du en el los las y que una a i na w z je se ve do že to jest się";
    User = "user users human reader readers customer customers recipient audience nutzer* benutzer* anwender* kunde* utilisateur* usuario* uživatel* użytkownik*";
    Place = "following below next begin:  sentence sentences text words word phrase string input instead folgende* nachfolgend* suivant* siguiente* následující* następując* stattdessen statt";
}

/// Open addressing over hashes of words and of stems: a word is looked up while it is read, one step for each letter.
struct Lexicon {
    words: Table,
    stems: Table,
    longest_stem: usize,
}

const SLOTS: usize = 1 << 13;

struct Table(Vec<(u64, Option<Tag>)>);

impl Table {
    fn new() -> Self {
        Self(vec![(0, None); SLOTS])
    }

    /// The slot of this hash, or the free one where it would be.
    fn slot(&self, hash: u64) -> usize {
        let mut at = (hash >> 40) as usize % SLOTS;
        while self.0.get(at).is_some_and(|(known, tag)| tag.is_some() && *known != hash) {
            at = (at + 1) % SLOTS;
        }
        at
    }

    fn get(&self, hash: u64) -> Option<Tag> {
        self.0.get(self.slot(hash)).and_then(|(_, tag)| *tag)
    }

    fn insert(&mut self, hash: u64, tag: Tag) {
        let at = self.slot(hash);
        if let Some(slot @ (_, None)) = self.0.get_mut(at) {
            *slot = (hash, Some(tag));
        }
    }
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon { words: Table::new(), stems: Table::new(), longest_stem: 0 };
    for (tag, words) in WORDS {
        for word in words.split_whitespace() {
            match word.strip_suffix('*') {
                Some(stem) => {
                    lexicon.longest_stem = lexicon.longest_stem.max(stem.len());
                    lexicon.stems.insert(hash(stem.as_bytes()), *tag);
                }
                None => lexicon.words.insert(hash(word.as_bytes()), *tag),
            }
        }
    }
    lexicon
});

/// FNV-1a.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(START, |hash, byte| step(hash, *byte))
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The hash of a word in lower case and what the word does, by the whole word or else by its longest listed stem.
pub(super) fn look_up(word: &str) -> (u64, Option<Tag>) {
    let lexicon = &*LEXICON;
    let (mut hash, mut by_stem) = (START, None);
    for (at, byte) in word.bytes().enumerate() {
        hash = step(hash, byte);
        if (2..lexicon.longest_stem).contains(&at) {
            by_stem = lexicon.stems.get(hash).or(by_stem);
        }
    }
    (hash, lexicon.words.get(hash).or(by_stem))
}

/// Whether the list holds this word, in capitals or not. Only letters of ASCII are folded.
pub(super) fn is_known(word: &str) -> bool {
    let lexicon = &*LEXICON;
    let mut hash = START;
    for (at, byte) in word.bytes().enumerate() {
        hash = step(hash, byte.to_ascii_lowercase());
        if (2..lexicon.longest_stem).contains(&at) && lexicon.stems.get(hash).is_some() {
            return true;
        }
    }
    lexicon.words.get(hash).is_some()
}

/// What this word does. The word is in lower case.
pub(super) fn tag(word: &str) -> Option<Tag> {
    look_up(word).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_by_stem_in_several_languages() {
        for (word, expected) in [
            ("ignore", Tag::Override),
            ("disregarding", Tag::Override),
            ("ignoriere", Tag::Override),
            ("anweisungen", Tag::Rule),
            ("předchozí", Tag::Prior),
            ("instrukcje", Tag::Rule),
            ("base64", Tag::Encode),
        ] {
            assert_eq!(tag(word), Some(expected), "{word}");
        }
        assert_eq!(tag("torque"), None);
        assert_eq!(tag(""), None);
        assert_eq!(tag("ž"), None);
    }
}
