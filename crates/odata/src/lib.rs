//! A client of OData services in SAP's manner, V2 and V4: all that lies between structured arguments (JSON), as an agent gives
//! them, and typed rows or a plain error. Registration, vaults, approvals and tools of agents are built upon it.
//!
//! [`Connector`] stands for a service, [`Session`] for one call with a credential. [`Session::metadata`] reads a [`Service`];
//! [`Offer`] chooses an entity set and fields, and describes them as tools ([`Offer::read_tool`], [`Offer::change_tools`]);
//! [`ReadQuery`] and [`Change`] are what the arguments of those become; [`Session::read`], [`Session::change`] and
//! [`Session::batch`] send them.
//!
//! ```no_run
//! # async fn read(connector: millwright_odata::Connector, credential: millwright_odata::Credential) -> Result<(), millwright_odata::ODataError> {
//! use millwright_odata::{Offer, ReadQuery};
//!
//! let session = connector.session(credential)?;
//! let service = session.metadata().await?;
//! let orders = Offer::new(&service, "A_PurchaseOrder")?.only(["PurchaseOrder", "Supplier", "PurchaseOrderDate"]);
//! let arguments = serde_json::json!({ "filter": [{ "field": "Supplier", "op": "eq", "value": "17300001" }], "top": 20 });
//! let read = session.read(&service, &ReadQuery::new(&orders, &arguments)?).await?;
//! assert!(read.rows.len() <= 20);
//! # Ok(())
//! # }
//! ```
//!
//! Invariants:
//! * No text of a model stands in an address but as a literal: names are those of the metadata, values are typed by it.
//! * Requests go to hosts that the configuration names, over `https` or, where it says so, `http`; at private addresses only in
//!   networks that it names, at link-local ones never. A name is looked up once in a session. Redirects and next pages are
//!   followed within the service only, and only by reads.
//! * Every exchange has a time and a size, counted while it arrives; a read that was cut says so.
//! * Numbers and dates are exact: nothing passes through a floating-point number that is not declared as one.
//! * A change is sent once. Where no answer comes, that is an error of its own ([`ODataError::OutcomeUnknown`]). Only where the
//!   server wants a CSRF token, and so has not looked at it, it is sent once more.
//! * A credential lives as long as its session, and stands in no `Debug`, error or log line.
//!
//! Labels, texts and messages of a service are a stranger's words: whoever shows them to a model treats them like any text from
//! outside. SAP's catalogues of services are such services too, and can be read like any other.
//!
//! It has met `@sap-ux/fe-mockserver-core`, the mock server of SAP's Fiori tools, behind a gateway of our own that wants CSRF
//! tokens, cookies, ETags, passwords, access tokens and certificates, and hostile servers of our own. **It has not met a real
//! SAP system.** Not offered: lambda operators, `$search`, `$apply`, media streams, geography, open types, delta links,
//! references between the parts of a batch, proxies.

mod client;
mod credential;
mod describe;
mod egress;
mod error;
mod metadata;
mod query;
mod value;

pub use client::{
    BatchAnswer, BatchFormat, BatchPart, Connector, Cut, Destination, Limits, Reading, Rows, Session, Written,
};
pub use credential::{Authorization, ClientCertificate, Credential, Secret};
pub use describe::{Tool, unbound_tools};
pub use egress::{AddressError, AllowedHost, AllowedHosts, Looking, Lookup, SystemLookup};
pub use error::{Message, ODataError, Refusal};
pub use metadata::{
    Binding, EntitySet, EnumType, Facets, MetadataError, MetadataLimits, Navigation, Operation, OperationKind,
    Primitive, Property, Reading as PropertyReading, Restrictions, Returns, Service, SetReading, SetWriting,
    StructuredType, Type, Unit, Version, Writing as PropertyWriting,
};
pub use query::{ArgumentError, Change, Offer, ReadQuery};
pub use value::{Cell, Decimal, Row, Scalar, TimeOfDay};
