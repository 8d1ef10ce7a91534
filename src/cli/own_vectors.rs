//! `vicinity index TABLE --vectors NPY`: vectors and positions of the user's own.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::args::{GlobalArgs, IndexArgs};
use super::session::Session;
use vicinity_core::LayoutMethod;
use vicinity_core::table::TableOptions;
use vicinity_engine::own_vectors::{OwnVectors, OwnVectorsError, RowPositions, VectorsIn};
use vicinity_engine::scan::canonical_path;
use vicinity_engine::{Event, Job};

/// The table and its vectors, if the arguments name any.
pub fn named(args: &IndexArgs, global: &GlobalArgs) -> anyhow::Result<Option<OwnVectors>> {
    let vectors = match (&args.vectors, &args.vectors_column) {
        (Some(path), _) => {
            VectorsIn::Npy(std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))?)
        }
        (None, Some(field)) => VectorsIn::Field(field.clone()),
        (None, None) => return Ok(None),
    };
    if global.model.is_some() {
        bail!("--model does not go with vectors of your own, which no model has computed");
    }
    let [table] = &args.folders[..] else { bail!("vectors of your own belong to the rows of one table; name it") };
    Ok(Some(OwnVectors { table: canonical_path(table), vectors }))
}

/// The positions, if the arguments name any, which have to be as many as the vectors.
pub fn positions(
    args: &IndexArgs,
    own_vectors: Option<&OwnVectors>,
    tables: &TableOptions,
) -> anyhow::Result<Option<Arc<RowPositions>>> {
    let Some(path) = &args.positions else { return Ok(None) };
    let positions = RowPositions::read(path)?;
    if let Some(own_vectors) = own_vectors {
        own_vectors.check_positions(path, positions.len(), tables)?;
    }
    Ok(Some(Arc::new(positions)))
}

/// Makes the positions the map of the library.
pub fn use_positions(session: &Session, positions: Arc<RowPositions>, path: &Path) -> anyhow::Result<()> {
    if session.engine.own_vectors().is_none() {
        bail!("--positions needs a library with vectors of your own (--vectors)");
    }
    let rows = session.engine.snapshot().items().filter_map(|item| item.part?.row()).max().unwrap_or_default();
    if positions.len() < rows as usize {
        let (positions, rows) = (positions.len() as u64, u64::from(rows));
        return Err(OwnVectorsError::PositionCount { path: path.to_owned(), positions, rows }.into());
    }
    if session.engine.snapshot().is_empty() {
        bail!("{}: there are no items to place", path.display());
    }
    // The stored map is sent, too, when the library is opened; it has generation 0.
    session.ask(Job::UsePositions(positions), |event| match event {
        Event::Layout(layout) if layout.method == LayoutMethod::Own && layout.generation > 0 => Some(()),
        _ => None,
    })
}
