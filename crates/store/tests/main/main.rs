//! The store against a real PostgreSQL: one binary, so that it links once.

#[cfg(test)]
mod access;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod evaluations;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod goals;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod mcp_servers;
#[cfg(test)]
mod memories;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod passages;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod second_lock;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod support;
#[cfg(test)]
mod validity;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod versions;
