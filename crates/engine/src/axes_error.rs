//! Why items cannot be placed on the axes of a scatter plot.

use thiserror::Error;

use super::search_error::SearchError;

/// Why items cannot be placed on an axis.
#[derive(Debug, Error)]
pub enum AxesError {
    /// One of two opposites is missing.
    #[error("type two opposites, such as indoor and outdoor")]
    MissingOpposite,
    /// There is no field and no column of this name.
    #[error("an axis cannot show `{name}`; {known}")]
    Unknown {
        /// As typed.
        name: String,
        /// What there is instead, as a clause.
        known: String,
    },
    /// The field or column has texts.
    #[error("`{name}` has neither numbers nor dates; {known}")]
    NotMeasured {
        /// Its name.
        name: String,
        /// What there is instead, as a clause.
        known: String,
    },
    /// No item has a value.
    #[error("no item has a value for `{name}`")]
    NoValues {
        /// What the axis measures.
        name: String,
    },
    /// The texts could not be compared with the items.
    #[error(transparent)]
    Search(#[from] SearchError),
}
