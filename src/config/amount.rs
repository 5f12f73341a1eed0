//! Quantities and factors, as configs write them.

use serde::{Deserialize, Deserializer};

use crate::kubernetes::{Quantity, QuantityError, Scale};
use crate::yaml::text_of_scalar;

/// A quantity in the config.
#[derive(Clone, Copy, Debug)]
pub struct Amount(
    /// The quantity; never negative.
    pub Quantity,
);

#[cfg(test)]
schema!(Amount, {"type": ["string", "number"]});

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text_of_scalar(deserializer)?;
        let quantity: Quantity = text.parse().map_err(|error: QuantityError| {
            let hint = error
                .suggestion()
                .map(|nearest| format!("; did you mean `{nearest}`?"))
                .unwrap_or_default();
            serde::de::Error::custom(format!("{error}{hint}"))
        })?;
        if quantity.is_negative() {
            return Err(serde::de::Error::custom(format!("`{text}` is negative")));
        }
        Ok(Amount(quantity))
    }
}

/// A factor in the config.
#[derive(Clone, Debug)]
pub struct Factor(
    /// The factor.
    pub Scale,
);

#[cfg(test)]
schema!(Factor, {"type": ["string", "number"]});

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_of_scalar(deserializer)?
            .parse()
            .map(Factor)
            .map_err(serde::de::Error::custom)
    }
}
