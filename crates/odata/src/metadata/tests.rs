use std::fmt::Write;

use super::*;

const PURCHASING: &str = include_str!("../../../../tests/peers/sap-odata/purchasing/metadata.xml");
const STOCK: &str = include_str!("../../../../tests/peers/sap-odata/stock/metadata.xml");

fn parse(text: &str) -> Result<Service, MetadataError> {
    Service::parse(text.as_bytes(), &MetadataLimits::default())
}

/// A document of V4 with this in its one schema.
fn v4(inner: &str) -> String {
    format!(
        r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
        <Schema Namespace="a" Alias="S">{inner}</Schema></edmx:DataServices></edmx:Edmx>"#
    )
}

#[test]
fn a_description_of_v2_is_read_with_labels_units_and_what_is_allowed() {
    let service = parse(PURCHASING).unwrap();
    assert_eq!(service.version, Version::V2);
    let orders = &service.sets["Orders"];
    assert_eq!(orders.label.as_deref(), Some("Purchase orders"));
    assert!(orders.needs_etag && orders.writing.deletable);
    let order = service.type_of(orders).unwrap();
    assert_eq!(order.key, ["PurchaseOrder"]);
    let amount = order.property("NetAmount").unwrap();
    assert_eq!(amount.ty, Type::Primitive(Primitive::Decimal));
    assert_eq!((amount.facets.precision, amount.facets.scale), (Some(31), Some(3)));
    assert_eq!(amount.unit, Some(Unit::Field("Currency".into())));
    let supplier = order.property("Supplier").unwrap();
    assert_eq!(supplier.description.as_deref(), Some("Account number of the supplier"));
    assert_eq!(supplier.facets.max_length, Some(10));
    let internal = order.property("InternalText").unwrap();
    assert_eq!(internal.reading, Reading { filterable: false, sortable: false });
    assert_eq!(order.property("IsReleased").unwrap().writing, Writing { creatable: false, updatable: false });
    let items = order.navigation("to_Items").unwrap();
    assert_eq!((items.target.as_str(), items.many), ("ZMW_PURCHASING.Item", true));
    let to_order = &service.types["ZMW_PURCHASING.Item"].navigations[0];
    assert_eq!((to_order.target.as_str(), to_order.many), ("ZMW_PURCHASING.Order", false));
    let items = &service.sets["Items"];
    assert_eq!(items.writing, SetWriting { creatable: true, updatable: false, deletable: false });
    assert!(!items.needs_etag);
    let release = service.operations_of(orders).next().unwrap();
    assert_eq!((release.name.as_str(), release.kind), ("Release", OperationKind::Action));
    assert_eq!(release.parameters.iter().map(|found| found.nullable).collect::<Vec<_>>(), [true, true]);
}

#[test]
fn a_description_of_v4_is_read_with_its_vocabularies() {
    let service = parse(STOCK).unwrap();
    assert_eq!(service.version, Version::V4);
    let stocks = &service.sets["Stocks"];
    assert_eq!(stocks.label.as_deref(), Some("Stocks"));
    assert!(stocks.needs_etag && !stocks.writing.deletable && stocks.writing.updatable);
    assert!(stocks.restrictions.not_filterable.contains("Total") && stocks.restrictions.not_sortable.contains("Kind"));
    let stock = service.type_of(stocks).unwrap();
    let value = stock.property("Value").unwrap();
    assert_eq!(value.ty, Type::Primitive(Primitive::Decimal), "by its definition");
    assert_eq!((value.facets.precision, value.facets.scale), (Some(30), Some(2)));
    assert_eq!((value.label.as_deref(), &value.unit), (Some("Value"), &Some(Unit::Field("Currency".into()))));
    assert_eq!(stock.property("Quantity").unwrap().unit, Some(Unit::Field("Unit".into())));
    assert!(!stock.property("ChangedAt").unwrap().writing.updatable, "computed");
    assert_eq!(stock.property("Kind").unwrap().ty, Type::Enum("com.example.stock.Kind".into()));
    assert_eq!(service.enums["com.example.stock.Kind"].members, ["OWN", "CONSIGNED"]);
    let plants = &service.sets["Plants"];
    assert!(plants.reading.requires_filter && plants.restrictions.required_in_filter.contains("Plant"));
    assert!(!plants.writing.creatable && !plants.writing.updatable);
    let bound: Vec<_> = service.operations_of(stocks).map(|found| (found.name.as_str(), found.kind)).collect();
    let block = ("com.example.stock.block", OperationKind::Action);
    assert_eq!(bound, [block, ("com.example.stock.available", OperationKind::Function)]);
    let recount = service.operations.iter().find(|found| found.binding == Binding::Unbound).unwrap();
    assert_eq!((recount.name.as_str(), recount.parameters[0].many), ("Recount", true));
}

#[test]
fn types_that_stand_above_others_hand_down_what_they_have() {
    let service = parse(&v4(r#"<EntityType Name="A"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int32"/></EntityType>
        <EntityType Name="B" BaseType="S.A"><Property Name="More" Type="Collection(S.C)"/></EntityType>
        <ComplexType Name="C"><Property Name="X" Type="Edm.Geography"/></ComplexType>
        <EntityContainer Name="E"><EntitySet Name="Bs" EntityType="S.B"/><Singleton Name="Me" Type="S.B"/></EntityContainer>"#))
    .unwrap();
    let ty = &service.types["a.B"];
    assert_eq!(ty.key, ["Id"]);
    assert_eq!(ty.properties.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["Id", "More"]);
    assert_eq!((&ty.properties[1].ty, ty.properties[1].many), (&Type::Structured("a.C".into()), true));
    assert_eq!(service.types["a.C"].properties[0].ty, Type::Other("Edm.Geography".into()));
    assert!(service.sets["Me"].singleton && !service.sets["Bs"].singleton);
}

#[test]
fn names_that_could_stand_for_something_else_in_an_address_are_left_out() {
    let service = parse(&v4(r#"<EntityType Name="A"><Key><PropertyRef Name="a b"/></Key><Property Name="a b" Type="Edm.Int32"/>
        <Property Name="x'" Type="Edm.Int32"/><Property Name="Größe" Type="Edm.Int32"/><NavigationProperty Name="../b" Type="S.A"/></EntityType>
        <EntityContainer Name="E"><EntitySet Name="../As" EntityType="S.A"/><EntitySet Name="As?$top=1" EntityType="S.A"/>
        <EntitySet Name="As" EntityType="S.A"/><EntitySet Name="None" EntityType="S.None"/></EntityContainer>"#))
    .unwrap();
    assert_eq!(service.sets.keys().collect::<Vec<_>>(), ["As"]);
    let ty = &service.types["a.A"];
    assert_eq!(ty.properties.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["Größe"]);
    assert!(ty.key.is_empty() && ty.navigations.is_empty());
}

#[test]
fn what_is_no_description_is_refused() {
    for (text, told) in [
        ("", "its XML is cut off"),
        ("<html/>", "it is no EDMX"),
        ("<edmx:Edmx Version=\"4.0\">", "its XML is cut off"),
        ("<Edmx Version=\"4.0\"></Wrong>", "its XML is damaged"),
        ("<Edmx Version=\"4.0\"/>", "it has no DataServices"),
        ("<Edmx Version=\"3.0\"><DataServices/></Edmx>", "it is neither of V2 nor of V4"),
        ("<!DOCTYPE a [<!ENTITY x \"y\">]><Edmx Version=\"4.0\"><DataServices/></Edmx>", "it has a document type"),
        ("<Edmx Version=\"4.0\"><DataServices>&x;</DataServices></Edmx>", "it names an entity"),
        ("<Edmx Version=\"&x;\"><DataServices/></Edmx>", "it names an entity"),
    ] {
        assert_eq!(parse(text), Err(MetadataError::Malformed(told)), "{text}");
    }
    assert_eq!(
        Service::parse(b"\xff\xfe", &MetadataLimits::default()),
        Err(MetadataError::Malformed("it is not UTF-8"))
    );
}

fn repeated(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().concat()
}

#[test]
fn bombs_end_at_the_limits() {
    let begun = std::time::Instant::now();
    let limits = MetadataLimits { max_bytes: 4 << 20, ..MetadataLimits::default() };
    let read = |text: &str| Service::parse(text.as_bytes(), &limits);
    // The oldest of them: entities in entities.
    let mut lol = String::from("<!DOCTYPE lolz [<!ENTITY lol \"lol\">");
    for at in 1..10 {
        let _ = write!(lol, "<!ENTITY lol{at} \"{}\">", "&lol;".repeat(10));
    }
    lol.push_str("]><Edmx Version=\"4.0\"><DataServices>&lol9;</DataServices></Edmx>");
    assert_eq!(read(&lol), Err(MetadataError::Malformed("it has a document type")));
    assert_eq!(read(&"<a>".repeat(100_000)), Err(MetadataError::Limit("levels", 40)));
    assert_eq!(read(&v4(&"<a/>".repeat(500_000))), Err(MetadataError::Limit("elements", 400_000)));
    assert_eq!(read(&" ".repeat(5 << 20)), Err(MetadataError::Limit("bytes", 4 << 20)));
    let attributes = repeated(200, |at| format!(" a{at}=\"1\""));
    assert_eq!(read(&v4(&format!("<a{attributes}/>"))), Err(MetadataError::Limit("attributes of an element", 100)));
    let attributes = repeated(90, |at| format!(" a{at}=\"\""));
    let limits_of = MetadataLimits { max_elements: 2_000, ..MetadataLimits::default() };
    let filled = v4(&repeated(1_000, |_| format!("<a{attributes}/>")));
    assert_eq!(Service::parse(filled.as_bytes(), &limits_of), Err(MetadataError::Limit("attributes", 4_000)));
    let many = |count: usize, one: &dyn Fn(usize) -> String| v4(&repeated(count, one));
    let types = many(6_000, &|at| format!("<EntityType Name=\"T{at}\"/>"));
    assert_eq!(read(&types), Err(MetadataError::Limit("types", 5_000)));
    let properties = repeated(3_000, |at| format!("<Property Name=\"P{at}\" Type=\"Edm.String\"/>"));
    let wide = v4(&format!("<EntityType Name=\"A\">{properties}</EntityType>"));
    assert_eq!(read(&wide), Err(MetadataError::Limit("properties of a type", 2_000)));
    // Each has all of one, so that a small document would become a large description.
    let base = repeated(1_500, |at| format!("<Property Name=\"P{at}\" Type=\"Edm.String\"/>"));
    let heirs = repeated(4_000, |at| format!("<EntityType Name=\"T{at}\" BaseType=\"S.A\"/>"));
    let inherited = v4(&format!("<EntityType Name=\"A\">{base}</EntityType>{heirs}"));
    assert_eq!(read(&inherited), Err(MetadataError::Limit("properties", 400_000)));
    let round = v4("<EntityType Name=\"A\" BaseType=\"S.B\"/><EntityType Name=\"B\" BaseType=\"S.A\"/>");
    assert_eq!(read(&round), Err(MetadataError::Limit("base types above each other", 16)));
    let sets = many(6_000, &|at| match at {
        0 => "<EntityType Name=\"A\"/><EntityContainer Name=\"E\">".into(),
        5_999 => "</EntityContainer>".into(),
        _ => format!("<EntitySet Name=\"A{at}\" EntityType=\"S.A\"/>"),
    });
    assert_eq!(read(&sets), Err(MetadataError::Limit("entity sets", 5_000)));
    let parameters = repeated(101, |at| format!("<Parameter Name=\"P{at}\" Type=\"Edm.String\"/>"));
    let long = v4(&format!("<Action Name=\"A\">{parameters}</Action>"));
    assert_eq!(read(&long), Err(MetadataError::Limit("parameters of an operation", 100)));
    let operations = many(6_000, &|at| format!("<Action Name=\"A{at}\"/>"));
    assert_eq!(read(&operations), Err(MetadataError::Limit("operations", 5_000)));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

proptest::proptest! {
    #[test]
    fn no_damage_makes_it_fail(at in 0_usize..9_000, length in 0_usize..40, with in "[<>&\"'a/= !\\[]{0,6}") {
        let mut text = STOCK.to_owned();
        let floor = |mut at: usize| { at = at.min(text.len()); while !text.is_char_boundary(at) { at -= 1; } at };
        let (from, to) = (floor(at), floor(at + length));
        text.replace_range(from..to, &with);
        let _ = parse(&text);
    }
}
