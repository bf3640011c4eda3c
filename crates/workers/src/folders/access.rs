//! Who may read a file, going by permission bits and owning groups, as access groups of a label.

use std::collections::{BTreeMap, BTreeSet};

use millwright_core::{Group, Label};

/// Who passes a folder, or reads a file. The owner alone is nobody here: people are not told apart by Unix users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Everybody.
    Open,
    /// Members of the Unix group of that number.
    Group(u32),
    /// The owner at most, or everybody but a group's members, which no label says.
    Closed,
}

impl Gate {
    /// Of a folder: who may reach what lies in it.
    pub(crate) fn of_folder(mode: u32, gid: u32) -> Self {
        Self::of(mode, gid, 0o1)
    }

    /// Of a file: who may read it.
    pub(crate) fn of_file(mode: u32, gid: u32) -> Self {
        Self::of(mode, gid, 0o4)
    }

    fn of(mode: u32, gid: u32, bit: u32) -> Self {
        match (mode & bit != 0, mode & (bit << 3) != 0) {
            (true, true) => Self::Open,
            (false, true) => Self::Group(gid),
            // The system asks members of the group by the group's bit alone, whatever all others may.
            (_, false) => Self::Closed,
        }
    }
}

/// Why nobody here may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Only its owner may, or all but members of its group.
    OwnerOnly,
    /// Members of a group may that stands for no access group.
    UnmappedGroup,
}

/// Which access group stands for which Unix group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupMap {
    /// Permissions of files say nothing: all carry the source's label.
    Ignored,
    /// By number. Several where it is named more than once, by name and by number: a reader must be in all of them, so that
    /// a pair that is added takes nothing from one that was there.
    Of(BTreeMap<u32, BTreeSet<Group>>),
}

impl GroupMap {
    /// With names turned into numbers as the text of `/etc/group` has them. Names that are not in there are returned too.
    pub(crate) fn resolve(map: Option<&BTreeMap<String, Group>>, etc_group: &str) -> (Self, Vec<String>) {
        let Some(map) = map else { return (Self::Ignored, Vec::new()) };
        let numbers: BTreeMap<&str, u32> = etc_group
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                let (name, number) = (fields.next()?, fields.nth(1)?);
                Some((name, number.parse().ok()?))
            })
            .collect();
        let (mut by_number, mut unknown) = (BTreeMap::<u32, BTreeSet<Group>>::new(), Vec::new());
        for (name, group) in map {
            match name.parse().ok().or_else(|| numbers.get(name.as_str()).copied()) {
                Some(number) => drop(by_number.entry(number).or_default().insert(group.clone())),
                None => unknown.push(name.clone()),
            }
        }
        (Self::Of(by_number), unknown)
    }

    /// The label of a file behind these gates: the source's own, and each group whose members alone pass one of them.
    pub(crate) fn label(&self, of_source: &Label, gates: &[Gate]) -> Result<Label, Refusal> {
        let Self::Of(map) = self else { return Ok(of_source.clone()) };
        let mut groups = BTreeSet::new();
        for gate in gates {
            match gate {
                Gate::Open => {}
                Gate::Group(number) => groups.extend(map.get(number).ok_or(Refusal::UnmappedGroup)?.iter().cloned()),
                Gate::Closed => return Err(Refusal::OwnerOnly),
            }
        }
        let mut label = of_source.clone();
        label.groups.extend(groups);
        Ok(label)
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::Classification;

    use super::*;

    fn map() -> GroupMap {
        let map = [("maint", "maintenance"), ("2000", "hr")];
        let map = map.iter().map(|(unix, group)| ((*unix).to_owned(), group.parse().unwrap())).collect();
        let (map, unknown) = GroupMap::resolve(Some(&map), "root:x:0:\nmaint:x:1500:anna,ben\nbroken\n");
        assert!(unknown.is_empty());
        map
    }

    fn groups(gates: &[Gate]) -> Result<Vec<String>, Refusal> {
        let label = map().label(&Label::of(Classification::Internal), gates)?;
        Ok(label.groups.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn permission_bits_are_read_as_the_system_reads_them() {
        assert_eq!(Gate::of_file(0o100_644, 7), Gate::Open);
        assert_eq!(Gate::of_file(0o100_640, 7), Gate::Group(7));
        assert_eq!(Gate::of_file(0o100_600, 7), Gate::Closed);
        assert_eq!(Gate::of_file(0o100_631, 7), Gate::Closed, "executing is not reading");
        assert_eq!(Gate::of_file(0o100_604, 7), Gate::Closed, "the group's members are kept out");
        assert_eq!(Gate::of_folder(0o40_705, 7), Gate::Closed);
        assert_eq!(Gate::of_folder(0o40_755, 7), Gate::Open);
        assert_eq!(Gate::of_folder(0o40_754, 7), Gate::Group(7), "listing is not passing");
        assert_eq!(Gate::of_folder(0o40_700, 7), Gate::Closed);
    }

    #[test]
    fn a_reader_must_pass_every_folder_above() {
        assert_eq!(groups(&[Gate::Open, Gate::Open]).unwrap(), Vec::<String>::new());
        assert_eq!(groups(&[Gate::Group(1500), Gate::Open]).unwrap(), ["maintenance"]);
        assert_eq!(groups(&[Gate::Group(1500), Gate::Group(2000)]).unwrap(), ["hr", "maintenance"]);
        assert_eq!(groups(&[Gate::Closed, Gate::Open]), Err(Refusal::OwnerOnly));
        assert_eq!(groups(&[Gate::Group(1501)]), Err(Refusal::UnmappedGroup));
    }

    #[test]
    fn another_pair_for_a_group_that_is_mapped_takes_nothing_away() {
        let pairs = [("1500", "hr"), ("maint", "everybody")];
        let pairs = pairs.iter().map(|(unix, group)| ((*unix).to_owned(), group.parse().unwrap())).collect();
        let (map, _) = GroupMap::resolve(Some(&pairs), "maint:x:1500:\n");
        let label = map.label(&Label::of(Classification::Internal), &[Gate::Group(1500)]).unwrap();
        assert_eq!(label.groups.iter().map(ToString::to_string).collect::<Vec<_>>(), ["everybody", "hr"]);
    }

    #[test]
    fn without_a_map_permissions_say_nothing() {
        let (map, _) = GroupMap::resolve(None, "");
        let label = Label::of(Classification::Internal);
        assert_eq!(map.label(&label, &[Gate::Closed]), Ok(label));
    }

    #[test]
    fn names_that_the_machine_does_not_know_are_told() {
        let wanted = BTreeMap::from([("plant".to_owned(), "plant".parse().unwrap())]);
        let (map, unknown) = GroupMap::resolve(Some(&wanted), "root:x:0:\n");
        assert_eq!((map, unknown), (GroupMap::Of(BTreeMap::new()), vec!["plant".to_owned()]));
    }
}
