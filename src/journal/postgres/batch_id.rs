//! Ids of batches, by which the database knows those that are tried again, and a node its own.

/// Begins the ids of a node's batches, by which it knows its own when the database tells of them.
pub(super) struct NodeId(String);

impl NodeId {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        Ok(Self(random_uuid()?[..18].to_owned()))
    }

    pub(super) fn batch(&self) -> Result<String, getrandom::Error> {
        Ok(self.0.clone() + &random_uuid()?[18..])
    }

    /// Whether a batch of this id is one of its own.
    pub(super) fn made(&self, batch: &str) -> bool {
        batch.starts_with(&self.0)
    }
}

/// A random UUID, version 4.
pub(super) fn random_uuid() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) | (4 << 76);
    let number = number & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{number:032x}");
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
