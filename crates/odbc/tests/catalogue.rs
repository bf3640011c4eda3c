//! What a database says of its tables.

use millwright_odbc::{Catalogue, CatalogueLimits, Dialect, Relation};

use crate::kit::{Place, places, runtime};

async fn catalogue(place: &Place) -> Catalogue {
    place.pool().catalogue(&place.reader, CatalogueLimits::default()).await.expect("catalogue")
}

fn relation<'a>(catalogue: &'a Catalogue, name: &str) -> &'a Relation {
    catalogue.relations.iter().find(|relation| relation.name == name).expect(name)
}

#[test]
fn tables_have_their_columns_keys_and_comments() {
    runtime().block_on(async {
        for place in places() {
            let found = catalogue(place).await;
            assert!(!found.truncated);
            let events = relation(&found, "downtime_events");
            assert_eq!(events.comment.as_deref(), Some("Times when a machine stood still"), "{place}");
            let columns: Vec<_> = events.columns.iter().map(|column| (column.name.as_str(), column.nullable)).collect();
            let expected = [
                ("id", false),
                ("equipment_id", false),
                ("work_order_id", true),
                ("reason_code", false),
                ("started_at", false),
                ("minutes", false),
                ("origin", false),
            ];
            assert_eq!(columns, expected, "{place}");
            assert_eq!(events.columns[5].comment.as_deref(), Some("How long"), "{place}");
            assert_eq!(events.primary_key, ["id"], "{place}");
            let mut references: Vec<_> = events
                .foreign_keys
                .iter()
                .map(|key| (key.columns.join(","), key.table.as_str(), key.references.join(",")))
                .collect();
            references.sort_unstable();
            let of = |column: &str, table: &'static str, other: &str| (column.to_owned(), table, other.to_owned());
            let expected = [
                of("equipment_id", "equipment", "id"),
                of("reason_code", "downtime_reasons", "code"),
                of("work_order_id", "work_orders", "id"),
            ];
            assert_eq!(references, expected, "{place}");
            assert_eq!(relation(&found, "operations").primary_key, ["work_order_id", "step"], "{place}");
            assert_eq!(relation(&found, "downtime_reasons").unique, [["description"]], "{place}");
            let view = relation(&found, "downtime_by_reason");
            assert!(view.view && view.primary_key.is_empty(), "{place}");
            if !place.is(&Dialect::MariaDb) {
                assert_eq!(
                    view.comment.as_deref(),
                    Some("Minutes that each machine stood still, by reason"),
                    "{place}"
                );
            }
        }
    });
}

#[test]
fn a_large_catalogue_ends_and_says_so() {
    runtime().block_on(async {
        for place in places() {
            let limits = CatalogueLimits { relations: 2, columns: 3, ..CatalogueLimits::default() };
            let found = place.pool().catalogue(&place.reader, limits).await.expect("catalogue");
            assert!(found.truncated && found.relations.len() == 2, "{place}: {found:?}");
        }
    });
}

#[test]
fn a_driver_can_be_asked_where_nothing_is_known_of_its_database() {
    runtime().block_on(async {
        for place in places() {
            let limits = CatalogueLimits { by_driver: true, ..CatalogueLimits::default() };
            let found = place.pool().catalogue(&place.reader, limits).await.expect("catalogue");
            let operations = relation(&found, "operations");
            let columns: Vec<_> = operations.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(columns, ["work_order_id", "step", "description", "planned_hours", "origin"], "{place}");
            assert_eq!(operations.primary_key, ["work_order_id", "step"], "{place}");
            let [key] = &operations.foreign_keys[..] else { panic!("{place}: {operations:?}") };
            assert_eq!((key.table.as_str(), &key.references[..]), ("work_orders", &["id".to_owned()][..]), "{place}");
            assert!(relation(&found, "work_order_costs").view, "{place}");
        }
    });
}
