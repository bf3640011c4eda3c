//! Connections: taken in, with or without TLS, served, and cut off when a client is too slow.
//!
//! Written on hyper itself because nothing above it offers all of this: time limits for the first byte, the handshake,
//! the head and the idle connection, and an end for clients that stop reading an HTTP/2 answer, which no time limit of
//! a socket sees.
//!
//! | a client that … | is … | by |
//! | --- | --- | --- |
//! | connects and says nothing, or sends its head drop by drop | cut off | [`Paced`] |
//! | does not finish the TLS handshake | cut off | [`serve`](serve::serve) |
//! | stops in the middle of a body | answered with 408 | [`SlowBody`] |
//! | stops reading | cut off | [`Paced`], [`Activity`]; where it has vanished, the kernel |
//! | keeps a connection without a request | told to go | hyper (HTTP/1.1), [`Activity`] (HTTP/2) |
//! | sends too long an address or too many headers | answered with 414 or 431 | [`RequestLimits`] |

mod activity;
mod client_address;
mod paced;
mod request_limits;
pub(crate) mod serve;
mod slow_body;
mod tls;

use activity::{Activity, Verdict};
pub(crate) use client_address::STRICT_TRANSPORT_SECURITY;
pub use client_address::{ClientAddress, Peer, client_address};
use paced::{Head, Paced};
pub(crate) use request_limits::RequestLimits;
pub use serve::Listening;
pub(crate) use slow_body::SlowBody;
use tls::Certificates;
pub use tls::TlsError;
