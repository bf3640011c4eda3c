//! How much is let through: token buckets for addresses, users and tenants, and places for event streams.
//!
//! [`RateLimiter::check`] takes one token from each bucket that a request concerns ([`Demand`]), or none from any, and
//! says what the tightest of them holds ([`Decision`]). Buckets are in this process (`governor`) or, with a Redis, in
//! one place for all processes: one script, one round trip, by the clock of Redis. [`StreamSlots`] counts what is open.
//!
//! It knows no HTTP: `api` makes answers and headers of a decision. It names nobody: a bucket's name is a keyed hash.
//!
//! Invariants:
//! * In any stretch of time a bucket lets through at most its burst and its rate times that time: in one process, and
//!   over all processes that share a Redis.
//! * A limiter always decides. While Redis is away or slow each process limits by itself, without waiting for it, a
//!   metric says so, and Redis is used again when it answers.
//! * Memory is bounded by the buckets that are not full: those are forgotten, here and in Redis.
//! * Neither Redis nor a log learns an address, a user or a tenant.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use millwright_limits::{Backend, Demand, Kind, LimitSettings, Quota, RateLimiter};
//!
//! let wide = Quota::new(6000, 1000);
//! let tight = Quota::new(20, 2);
//! let settings =
//!     LimitSettings { address: wide, user: wide, tenant: wide, sign_in: tight, step_up: tight, approval: tight };
//! let limiter = RateLimiter::new(settings, &[7; 32], Backend::Local).unwrap();
//!
//! let from = "192.0.2.7".parse().unwrap();
//! let demands = [Demand::address(from), Demand::sign_in(from)];
//! assert!(limiter.check(&demands).await.allowed);
//! assert!(limiter.check(&demands).await.allowed);
//! let refused = limiter.check(&demands).await;
//! assert_eq!((refused.kind, refused.retry_after.unwrap().as_secs()), (Kind::SignIn, 2));
//! # });
//! ```

mod decision;
mod demand;
mod error;
mod keys;
mod limiter;
mod local;
mod settings;
mod shared;
mod store;
mod streams;

pub use decision::Decision;
pub use demand::{Demand, Kind};
pub use error::LimitError;
pub use limiter::{Backend, RateLimiter};
pub use settings::{LimitSettings, Quota};
pub use streams::{StreamSlot, StreamSlots};
