//! The ledger on a real PostgreSQL.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod levels;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod support;
