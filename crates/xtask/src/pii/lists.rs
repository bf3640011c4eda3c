//! Short lists of words, written for this project.

pub(super) const UNITS: &[&str] = &[
    "Apt.", "Suite", "Apt", "Unit", "Flat", "Floor", "Room", "Bldg.", "Stiege", "byt", "#",
];
pub(super) const PARTICLES: &[&str] = &[
    "van der", "van", "de", "von", "da", "dos", "del", "al", "bin", "le", "di", "ten", "von der", "af", "el",
    "de la",
];
pub(super) const TREES: &[&str] = &[
    "Oak", "Maple", "Main", "Park", "Church", "High", "Mill", "Station", "Victoria", "King", "Queen", "Lake",
    "Hill", "Cedar", "Elm", "Washington", "River", "Spring", "North", "South", "Sunset", "Railway", "Market",
    "Bridge", "Green", "Chapel", "Castle", "Meadow", "Forest", "Garden", "Industrial", "Harbour", "Willow", "Pine",
    "Walnut", "Fourth", "First", "Second", "Third", "Fifth", "42nd", "3rd", "University", "College", "School",
    "Mountain", "Valley", "Berg",
];
pub(super) const EN_SUFFIX: &[&str] = &[
    "Street", "St", "St.", "Avenue", "Ave", "Ave.", "Road", "Rd", "Rd.", "Lane", "Ln", "Drive", "Dr", "Court",
    "Place", "Square", "Terrace", "Way", "Boulevard", "Blvd", "Parkway", "Crescent", "Close", "Hill", "Gardens",
    "Circle", "Trail", "Highway", "Row", "Mews", "Parks", "Courts", "Gateway", "Hills", "Grove", "Green", "Walk",
];
pub(super) const COMPOUND: &[&str] = &[
    "straße", "strasse", "weg", "gasse", "platz", "allee", "ring", "ufer", "damm", "str.", "steig", "straat",
    "laan", "plein", "gracht", "kade", "dijk", "singel", "gatan", "vägen", "gränd", "vej", "gade", "gata", "veien",
    "vegen", "vei", "katu", "tie", "kuja", "polku", "gaten", "stien", "bakken", "vænget", "stræde", "torv",
    "brücke", "chaussee", "hof", "gatvė", "iela", "tänav", "stígur", "vegur", "braut", "allé", "vollen", "lia",
    "svingen", "tunet", "veg", "haugen",
];
pub(super) const ROMANCE: &[&str] = &[
    "Rue", "rue de", "Rue du", "Avenue", "avenue de", "Boulevard", "Chemin de", "Place", "Impasse", "Quai",
    "allée des", "Calle", "Calle de", "Avda.", "Avenida", "C/", "Plaza", "Paseo", "Camino", "Carrera", "Via",
    "Viale", "Piazza", "Corso", "Strada", "Strada Provinciale", "Vicolo", "Rua", "Rua da", "Travessa", "Praça",
    "Avenida da", "Via dei", "Via delle", "Largo", "Strada", "Bulevardul", "Carrer de",
];
pub(super) const SLAVIC_BEFORE: &[&str] = &[
    "ul.", "ulica", "al.", "pl.", "ulice", "nám.", "os.", "ul", "Ulica",
];
pub(super) const SLAVIC_AFTER: &[&str] = &[
    "ulica", "utca", "út", "u.", "tér", "körút", "náměstí", "cesta", "ulice", "köz", "sokak", "Caddesi",
];
pub(super) const ORG_WORDS: &[&str] = &[
    "Global", "United", "Advanced", "Civic", "Health", "Data", "Energy", "Steel", "Precision", "Nordic", "Pacific",
    "Atlantic", "Green", "Smart", "First", "National", "General", "Digital", "Power", "Water", "Food", "Motor",
    "Air", "Star", "Sun", "Blue", "Red", "Care", "Insight", "Vision", "Logic", "Bridge", "Point", "Rock", "Stone",
    "Farm", "Market", "Trade", "Credit", "Capital", "Legal", "Home", "Auto", "Metal", "Plastic", "Paper", "Glass",
    "Chemical", "Pharma", "Medical", "Credit", "Compass", "Summit", "Alpine", "Baltic", "Rhein", "Danube", "Aunt",
    "Better", "Open", "Public", "Social", "Street", "City", "Real", "Estate", "Fuel", "Freight", "Cargo", "Marine",
    "Aero", "Space",
];
pub(super) const ORG_TAILS: &[&str] = &[
    "Systems", "Solutions", "Group", "Partners", "Industries", "Technologies", "Services", "Logistics",
    "Consulting", "Engineering", "Labs", "Holdings", "Bank", "Insurance", "Foundation", "Institute", "University",
    "Association", "Hospital", "Media", "Software", "Analytics", "Networks", "Corporation", "Company",
    "International", "Werke", "Maschinenbau", "Anlagenbau", "Automation", "Stahlbau", "Markets", "Finance",
    "Airlines", "Club", "Museum", "Council", "Economics", "Energy", "Foods", "Motors", "Society", "Ministry",
    "Agency", "Trust", "Works", "Manufacturing",
];
pub(super) const ORG_SUFFIX: &[&str] = &[
    "Inc", "Inc.", "Ltd", "Ltd.", "LLC", "GmbH", "AG", "Corp.", "Corporation", "Group", "PLC", "S.A.", "s.r.o.",
    "a.s.", "BV", "AB", "Oy", "SARL", "S.p.A.", "KG", "GmbH & Co. KG", "Co.", "& Co.", "and Sons", "& Sons",
    "Partners", "SE", "e.V.", "Limited", "Company", "Holding", "Sp. z o.o.", "A/S", "Kft.", "d.o.o.", "Brothers",
    "& Söhne", "Pty Ltd",
];
pub(super) const HONORIFICS: &[&str] = &[
    "Mr.", "Mrs.", "Ms.", "Dr.", "Mr", "Mrs", "Ms", "Dr", "Prof.", "Miss", "Sir", "Herr", "Frau", "Herrn",
    "Prof. Dr.", "Dr.-Ing.", "Monsieur", "Madame", "Señor", "Señora", "Dipl.-Ing.", "Ing.", "Pan", "Pani",
];
pub(super) const JOBS: &[&str] = &[
    "Engineer", "Technical writer", "Shift leader", "Maintenance manager", "Accountant", "Nurse", "Sales manager",
    "Production planner", "Machine operator", "Quality inspector", "Electrician", "Welder", "Plant manager",
    "Teacher", "Software developer", "Project manager", "Staff development specialist", "Sewer pipe cleaner",
    "Lawyer", "Driver", "Purchasing agent", "Warehouse clerk", "Safety officer", "Chief executive officer", "CEO",
    "CFO", "Head of Sales", "Data analyst", "Tool maker", "Mechanic", "Dentist", "Chef", "Photographer",
    "Journalist", "Librarian", "Surveyor", "Rolling machine operator", "Process engineer", "Crane operator",
    "Payroll clerk", "Recruiter", "HR manager", "Schichtleiter", "Instandhaltungsleiter", "Geschäftsführer",
    "Meister", "Elektriker", "Buchhalter", "Einkäufer", "Vertriebsleiterin", "Konstrukteur", "Lagerist",
    "Sachbearbeiterin", "Prokurist", "Betriebsleiter",
];
pub(super) const GROUPS: &[&str] = &[
    "German", "French", "American", "British", "Polish", "Czech", "Italian", "Spanish", "Russian", "Chinese",
    "Japanese", "Korean", "Indian", "Turkish", "Greek", "Dutch", "Swedish", "Norwegian", "Danish", "Finnish",
    "Irish", "Scottish", "Portuguese", "Brazilian", "Mexican", "Canadian", "Australian", "Austrian", "Swiss",
    "Hungarian", "Romanian", "Bulgarian", "Ukrainian", "Croatian", "Serbian", "Slovak", "Slovenian", "Egyptian",
    "Moroccan", "Nigerian", "Kenyan", "Vietnamese", "Thai", "Indonesian", "Iranian", "Israeli", "Arab", "Belgian",
    "Cypriot", "Icelandic", "Estonian", "Latvian", "Lithuanian", "Cuban", "Chilean", "Peruvian", "Argentinian",
    "Uruguayan", "Tunisian", "Syrian", "Afghan", "Muslim", "Christian", "Jewish", "Hindu", "Buddhist", "Catholic",
    "Protestant", "Sikh", "European", "African", "Asian", "Greenlandic", "Albanian", "Macedonian", "Bosnian",
    "Maltese", "Kurdish", "Roma", "Scandinavian", "Germans", "Poles",
];
pub(super) const STATES: &[&str] = &[
    "CA", "NY", "TX", "FL", "WA", "OR", "CO", "IL", "OH", "GA", "NC", "MI", "PA", "AZ", "MA", "NJ", "NSW", "QC",
    "ON", "BC", "WI", "MN", "VA", "MD", "TN", "IN", "MO", "nan", "GU", "SK", "NI", "MP", "NO", "AB", "QLD", "VIC",
    "TAS",
];
pub(super) const MORE_COUNTRIES: &[&str] = &[
    "USA", "UK", "U.S.", "Germany", "France", "Poland", "Czech Republic", "United States", "United Kingdom",
    "Austria", "Switzerland", "Italy", "Spain", "Portugal", "Norway", "Sweden", "Denmark", "Finland", "Iceland",
    "Canada", "Australia", "Belgium", "Hungary", "Slovenia", "Brazil", "Uruguay", "Cyprus", "Tunisia",
    "Netherlands", "Ireland", "Scotland", "England", "Deutschland", "Österreich", "Schweiz", "Frankreich", "Polen",
    "Tschechien", "Greenland", "New Zealand",
];
pub(super) const MORE_CITIES: &[&str] = &[
    "London", "Paris", "Berlin", "Munich", "Hamburg", "New York", "Boston", "Chicago", "Los Angeles", "Houston",
    "Toronto", "Montreal", "Sydney", "Melbourne", "Vienna", "Prague", "Warsaw", "Budapest", "Rome", "Milan",
    "Madrid", "Barcelona", "Lisbon", "Amsterdam", "Brussels", "Copenhagen", "Oslo", "Helsinki", "Dublin", "Zurich",
    "Geneva", "Tokyo", "Beijing", "Shanghai", "Mumbai", "Delhi", "Moscow", "Istanbul", "Cairo", "Köln", "Stuttgart",
    "Leipzig", "Dresden", "Bremen", "Manchester", "Birmingham", "Leeds", "Seattle", "Denver", "Detroit", "Dallas",
    "San Francisco", "Frankfurt", "Mainz", "Nürnberg", "München", "Wien", "Graz", "Linz", "Praha", "Brno",
    "Ostrava", "Kraków", "Lyon", "Marseille", "Torino",
];
pub(super) const CITY_TAILS: &[&str] = &[
    "ville", "burg", "berg", "by", "ton", "ham", "stad", "stadt", "dorf", "heim", "hausen", "ford", "borough",
    "wick", "field", "bach", "feld", "furt", "vik", "havn", "köping", "ice", "ov", "ów", "grad", "polis", "pura",
    "abad", "ingen", "town", "port", "mouth", "kirchen", "brück", "járvi", "lahti", "niemi", "sund", "holm", "ås",
    "hem", "gem", "court",
];
pub(super) const ONSETS: &[&str] = &[
    "b", "br", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "kr", "l", "m", "n", "p", "r", "s", "sch", "sh",
    "st", "t", "tr", "v", "w", "z", "zh", "y", "c", "kh", "th", "ph", "bl", "kl", "sv", "mb", "ng", "dz", "",
];
pub(super) const VOWELS: &[&str] = &[
    "a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ei", "ou", "ie", "au", "ö", "ä", "ü", "á", "é", "í", "oo",
    "ee", "å", "ø",
];
pub(super) const CODAS: &[&str] = &[
    "", "", "", "n", "r", "l", "s", "m", "t", "k", "nd", "rt", "ch", "ck", "ng", "x", "th", "sz", "lm",
];
pub(super) const SURNAME_TAILS: &[&str] = &[
    "son", "sen", "sson", "ova", "ová", "ski", "ska", "ić", "ović", "ez", "ini", "elli", "ov", "ev", "enko", "uk",
    "yan", "ian", "escu", "oğlu", "mann", "er", "stein", "berg", "man", "ley", "ford", "well", "nen", "dóttir",
    "wal", "kar", "aki", "moto", "da", "mura", "eira", "inho", "ette", "eau", "ard", "in", "ák", "ík", "czyk",
    "ius", "as", "poulos", "idis", "akis", "zadeh", "pour", "jan", "nyi", "ffy", "stra", "ma", "inga", "ot", "ier",
    "ano", "etti", "s", "",
];
/// Makers, programs, methods and words of the trade that look like names.
pub(super) const TRADE_WORDS: &[&str] = &[
    "Siemens", "Bosch", "Rexroth", "Beckhoff", "Fanuc", "Heidenhain", "Allen-Bradley", "Allen Bradley", "Rockwell",
    "Schneider", "Omron", "Mitsubishi", "Yaskawa", "Parker", "Festo", "SMC", "Phoenix Contact", "Wago", "Pilz",
    "Sick", "Balluff", "Turck", "Danfoss", "Lenze", "SEW", "Kuka", "ABB", "Hitachi", "Toshiba", "Delta",
    "Oriental Motor", "Leadshine", "Trinamic", "Hypertherm", "Komatsu", "Caterpillar", "Liebherr", "Hyundai",
    "Volvo", "Murphy", "Cummins", "Donaldson", "Mann Filter", "Hydac", "Pall", "Gates", "Google", "Microsoft",
    "Windows", "Linux", "Debian", "Ubuntu", "Gentoo", "Fedora", "Raspberry Pi", "Arduino", "Python", "Java", "Rust",
    "Pascal", "Perl", "Ruby", "Gerrit", "Jenkins", "Git", "GitHub", "GitLab", "Eclipse", "Docker", "Matlab",
    "Simulink", "Excel", "Word", "Outlook", "Firefox", "Chrome", "Safari", "Android", "Inkscape", "Blender",
    "FreeCAD", "Fusion", "Cura", "Slic3r", "Prusa", "Marlin", "Mainsail", "Fluidd", "OctoPrint", "Moonraker",
    "Klipper", "Duet", "Octopus", "Manta", "Spider", "Valgrind", "Jira", "Confluence", "Apollo", "Athena", "Hermes",
    "Mercury", "Atlas", "Titan", "Phoenix", "Oracle", "Altera", "Xilinx", "Intel", "Atmel", "Lattice",
    "Texas Instruments", "Analog Devices", "Bluetooth", "Ethernet", "Profinet", "Modbus", "Nichols",
    "Ziegler-Nichols", "Denavit-Hartenberg", "Fourier", "Laplace", "Kalman", "Bowden", "Allen", "Torx", "Phillips",
    "Philips", "Hall", "Celsius", "Kelvin", "Newton", "Ampere", "Volt", "Watt", "Hertz", "Ohm", "Tesla", "Gauss",
    "Weber", "Henry", "Brinell", "Vickers", "Shore", "Morse", "Diesel", "Otto", "Wankel", "Stirling", "Peltier",
    "Cartesian", "Bezier", "Bayesian", "Boolean", "Jacobian", "Hungarian notation", "Gray", "Hamming", "Nyquist",
    "Bode", "Karnaugh", "Young's modulus", "Lemo", "Jog", "Home", "Mark", "Pierce", "Chuck", "Bill of Materials",
    "Frank", "Grant", "Max", "Min", "Rob", "Pat", "Ray", "Art", "Will", "May", "Peck", "Miller", "Lathe", "Turner",
    "Boring", "Abs", "Sue", "Drew", "Bob", "Norm", "Page", "Case", "Carter", "Cooper", "Hand", "Link",
];

/// Bodies that everybody knows.
pub(super) const KNOWN_BODIES: &[&str] = &[
    "Google", "Microsoft", "Amazon", "Apple", "IBM", "Intel", "Oracle", "SAP", "Cisco", "Dell", "HP", "Sony",
    "Samsung", "Nokia", "Ericsson", "Vodafone", "T-Mobile", "Verizon", "Netflix", "Facebook", "Twitter", "Uber",
    "Airbnb", "Spotify", "PayPal", "Visa", "Mastercard", "Wells Fargo", "Goldman Sachs", "HSBC", "Barclays",
    "Deutsche Bank", "Commerzbank", "UniCredit", "Santander", "Credit Suisse", "Zurich Insurance", "Generali",
    "AXA", "Lloyds", "Fidelity", "BlackRock", "Deloitte", "KPMG", "Ernst & Young", "McKinsey", "Accenture",
    "Boeing", "Airbus", "Lufthansa", "Ryanair", "Delta Air Lines", "FedEx", "UPS", "DHL", "Maersk", "Shell", "BP",
    "Exxon Mobil", "Chevron", "Total", "Eni", "Gazprom", "Siemens", "Bosch", "Volkswagen", "BMW", "Daimler",
    "Toyota", "Honda", "Ford", "General Electric", "General Motors", "Caterpillar", "Thyssenkrupp", "ArcelorMittal",
    "BASF", "Bayer", "Pfizer", "Novartis", "Roche", "Merck", "Johnson & Johnson", "Procter & Gamble", "Unilever",
    "Nestlé", "Coca-Cola", "PepsiCo", "McDonald's", "Starbucks", "Walmart", "Tesco", "Aldi", "Lidl", "Ikea", "H&M",
    "Zara", "Nike", "Adidas", "Puma", "Reuters", "BBC", "CNN", "New York Times", "Greenpeace", "Red Cross",
    "UNICEF", "NASA", "FBI", "Harvard University", "Oxford University", "Škoda", "ČEZ", "Orlen", "Allegro",
    "Zalando", "Booking.com", "LinkedIn", "Dropbox", "Slack", "Zoom", "Salesforce", "Adobe", "Yahoo", "eBay",
    "Trivago",
];
