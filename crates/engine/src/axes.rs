//! Places all items along two axes: between two opposites, or by a time or number that is known of them.
//!
//! Between opposites the value of an item is its score for the second text less that for the first, each computed as by a
//! search: cosines of centred vectors, with texts and pictures brought to one spread (see [`super::index`]).

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use rayon::prelude::*;

use super::axes_error::AxesError;
use super::index::{self, SearchParams};
use super::model_loader::LazyModel;
use super::query_text::embed_text;
use super::search_error::SearchError;
use super::snapshot::Snapshot;
use super::visible::VisibleRows;
use vicinity_core::axes::HALF_SIZE;
use vicinity_core::condition::comparison::{number, time};
use vicinity_core::condition::field::{Field, FieldKind};
use vicinity_core::photo_summary::seconds_of_clock;
use vicinity_core::table::{Cell, ColumnKind, ColumnName};
use vicinity_core::{AxesLayout, Axis, AxisSource, Layout, LayoutMethod, MapPos, Scoring};
use vicinity_models::{Model, TextOptions};

/// Columns that a message names.
const NAMED: usize = 12;

/// Places all items of a snapshot. `ticket` tells the layouts of a session apart.
///
/// # Errors
/// When an axis measures nothing that is known, or the model fails.
pub(super) fn place(
    sources: &[AxisSource; 2],
    snapshot: &Arc<Snapshot>,
    model: &LazyModel,
    ticket: u64,
) -> Result<AxesLayout, AxesError> {
    // Whatever needs no model is checked first, since loading one may take long.
    sources.iter().try_for_each(|source| check(source, snapshot))?;
    let [x, y] = sources;
    let axes = [axis(x, snapshot, model)?, axis(y, snapshot, model)?];
    let position = |row: usize| {
        let [x, y] = [0, 1].map(|at| axes[at].position(axes[at].values[row], HALF_SIZE[at]));
        // An item is shown only where both are known.
        if x.is_finite() && y.is_finite() { MapPos { x, y } } else { MapPos { x: f32::NAN, y: f32::NAN } }
    };
    let layout = Layout {
        method: LayoutMethod::Axes,
        epoch: snapshot.epoch(),
        positions: (0..snapshot.len()).map(position).collect(),
        settled: snapshot.len(),
        trustworthiness: None,
        // Counted down, so that no map has the same.
        generation: u64::MAX - ticket,
    };
    Ok(AxesLayout { axes, layout: Arc::new(layout) })
}

fn check(source: &AxisSource, snapshot: &Snapshot) -> Result<(), AxesError> {
    match source {
        AxisSource::Opposites(texts) if texts.iter().any(|text| text.trim().is_empty()) => {
            Err(AxesError::MissingOpposite)
        }
        AxisSource::Opposites(_) => Ok(()),
        AxisSource::Field(field) => match field.kind() {
            FieldKind::Time | FieldKind::Number => Ok(()),
            FieldKind::Text | FieldKind::Type | FieldKind::Place => {
                Err(AxesError::NotMeasured { name: field.as_str().to_owned(), known: known(snapshot) })
            }
        },
        AxisSource::Column(name) => check_column(name, snapshot),
    }
}

fn check_column(name: &ColumnName, snapshot: &Snapshot) -> Result<(), AxesError> {
    let typed = name.as_str().to_owned();
    let columns = snapshot.tables().columns();
    match columns.iter().find(|(column, _)| ColumnName::new(column) == *name) {
        Some((_, ColumnKind::Number | ColumnKind::Date)) => Ok(()),
        Some(_) => Err(AxesError::NotMeasured { name: typed, known: known(snapshot) }),
        None => {
            let meant = Field::suggested(&typed).filter(|field| AxisSource::fields().any(|known| known == *field));
            let known = meant.map_or_else(|| known(snapshot), |field| format!("did you mean `{}`?", field.as_str()));
            Err(AxesError::Unknown { name: typed, known })
        }
    }
}

/// What an axis can show.
fn known(snapshot: &Snapshot) -> String {
    let is_measured = |kind: &ColumnKind| matches!(kind, ColumnKind::Number | ColumnKind::Date);
    let mut names: Vec<&str> = AxisSource::fields().map(Field::as_str).collect();
    let columns = snapshot.tables().columns().into_iter().filter(|(_, kind)| is_measured(kind));
    names.extend(columns.take(NAMED).map(|(name, _)| name));
    format!("write two opposites (indoor|outdoor), or one of {}", names.join(", "))
}

fn axis(source: &AxisSource, snapshot: &Arc<Snapshot>, model: &LazyModel) -> Result<Axis, AxesError> {
    let (is_date, values) = match source {
        AxisSource::Opposites(texts) => (false, between(texts, snapshot, model)?),
        AxisSource::Field(field) => (field.kind() == FieldKind::Time, field_values(*field, snapshot)),
        AxisSource::Column(name) => column_values(name, snapshot),
    };
    let name = || source.to_string();
    Axis::new(source.clone(), is_date, values).ok_or_else(|| AxesError::NoValues { name: name() })
}

/// For each row how much more it is like the second text than like the first.
fn between(texts: &[String; 2], snapshot: &Arc<Snapshot>, model: &LazyModel) -> Result<Vec<f64>, SearchError> {
    let scoring = if model.own_vectors().is_some() { Scoring::RawCosine } else { Scoring::Centred };
    let model = model.wait()?;
    let visible = VisibleRows::everything(Arc::clone(snapshot));
    let [low, high] = texts;
    let [low, high] = [scores(low, &model, &visible, scoring)?, scores(high, &model, &visible, scoring)?];
    Ok(low.into_iter().zip(high).map(|(low, high)| f64::from(high) - f64::from(low)).collect())
}

fn scores(text: &str, model: &Model, visible: &VisibleRows, scoring: Scoring) -> Result<Vec<f32>, SearchError> {
    let parts = [embed_text(model, text.trim(), TextOptions::QUERY)?];
    Ok(index::scores(&SearchParams { parts: &parts, asked: &HashSet::new(), visible, scoring, k: 0 }))
}

fn field_values(field: Field, snapshot: &Snapshot) -> Vec<f64> {
    let zone = TimeZone::system();
    let value = |row: usize| {
        let item = snapshot.item(row)?;
        let photo = snapshot.photo(row);
        match field {
            Field::Modified => clock_seconds(time(field, item, photo)?, &zone),
            Field::Taken => time(field, item, photo).map(|seconds| seconds as f64),
            _ => number(field, item, photo),
        }
    };
    (0..snapshot.len()).into_par_iter().map(|row| value(row).unwrap_or(f64::NAN)).collect()
}

/// A moment (nanoseconds since the Unix epoch) as a clock in this time zone showed it.
fn clock_seconds(nanoseconds: i64, zone: &TimeZone) -> Option<f64> {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()?;
    Some(seconds_of_clock(zone.to_datetime(moment)) as f64)
}

fn column_values(name: &ColumnName, snapshot: &Snapshot) -> (bool, Vec<f64>) {
    let tables = snapshot.tables();
    let is_date =
        tables.columns().iter().any(|(column, kind)| *kind == ColumnKind::Date && ColumnName::new(column) == *name);
    // Tables may differ in what a column of one name holds.
    let value = |row: usize| match tables.cell(snapshot.item(row)?, name)? {
        Cell::Number(number) if !is_date => Some(number),
        Cell::Date(seconds) if is_date => Some(seconds as f64),
        Cell::Number(_) | Cell::Date(_) | Cell::Text(_) => None,
    };
    (is_date, (0..snapshot.len()).into_par_iter().map(|row| value(row).unwrap_or(f64::NAN)).collect())
}
