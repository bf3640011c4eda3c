use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::Value;

use super::{PolicyFileError, TaskContract};

/// The most complaints that come back about one output.
const MAX_COMPLAINTS: usize = 20;

/// The contracts of all kinds of tasks, ready to be asked. Schemas refer to nothing outside themselves.
#[derive(Debug)]
pub struct Contracts(BTreeMap<String, (usize, Validator)>);

impl Contracts {
    /// Compiles the schemas. Each that makes no sense comes back with its path.
    pub fn new(contracts: &BTreeMap<String, TaskContract>) -> Result<Self, Vec<PolicyFileError>> {
        let mut ready = BTreeMap::new();
        let mut errors = Vec::new();
        for (kind, contract) in contracts {
            match jsonschema::draft202012::options().build(&contract.output) {
                Ok(validator) => drop(ready.insert(kind.clone(), (contract.max_bytes, validator))),
                Err(fault) => {
                    let inner = fault.instance_path().to_string().replace('/', ".");
                    let path = format!("task_contract.{kind}.output{inner}");
                    errors.push(PolicyFileError::at(&path, fault.to_string()));
                }
            }
        }
        if errors.is_empty() { Ok(Self(ready)) } else { Err(errors) }
    }

    /// Whether an output keeps to the contract of its kind of task; otherwise what is wrong, with paths. A kind without a
    /// contract is refused.
    pub fn check(&self, kind: &str, output: &Value) -> Result<(), Vec<String>> {
        let Some((max_bytes, validator)) = self.0.get(kind) else {
            return Err(vec![format!("no contract for tasks of the kind `{kind}`")]);
        };
        let bytes = output.to_string().len();
        if bytes > *max_bytes {
            return Err(vec![format!("{bytes} bytes, where {max_bytes} are allowed")]);
        }
        let complaints: Vec<_> = validator
            .iter_errors(output)
            .take(MAX_COMPLAINTS)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        if complaints.is_empty() { Ok(()) } else { Err(complaints) }
    }
}
