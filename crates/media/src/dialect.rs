//! How the cells of a table are separated, and whether its first row is a header: detected from its beginning, by what
//! makes rows of equal width.

use vicinity_core::table::TableOptions;

/// Names of columns and fields that contain the text of a row, in order of preference.
pub const TEXT_FIELDS: &[&str] = &["text", "caption", "body", "sentence", "content", "description", "title"];
/// Other names that columns often have.
const COLUMN_NAMES: &[&str] = &[
    "id",
    "name",
    "first name",
    "last name",
    "label",
    "labels",
    "category",
    "class",
    "type",
    "kind",
    "group",
    "date",
    "time",
    "timestamp",
    "year",
    "month",
    "day",
    "url",
    "link",
    "path",
    "file",
    "filename",
    "image",
    "tag",
    "tags",
    "lang",
    "language",
    "author",
    "user",
    "price",
    "score",
    "rating",
    "count",
    "number",
    "no",
    "nr",
    "index",
    "key",
    "value",
    "source",
    "target",
    "question",
    "answer",
    "summary",
    "abstract",
    "comment",
    "comments",
    "review",
    "message",
    "subject",
    "note",
    "notes",
    "city",
    "country",
    "age",
    "gender",
    "email",
    "phone",
    "address",
    "code",
    "status",
    "color",
    "colour",
    "size",
    "weight",
    "length",
    "width",
    "height",
    "quantity",
    "amount",
    "total",
    "tweet",
    "product",
    "brand",
];
/// Separators that tables have.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// A separator that no table has: each row is one cell.
const NONE: u8 = 0x1f;
/// Rows that are looked at.
const ROWS: usize = 200;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The separator between cells.
    pub separator: u8,
    /// Cells may be put in quotation marks, and then hold separators and line ends.
    pub quoted: bool,
    /// Lines in front of the first row.
    pub lines_before: usize,
    /// The first row names the columns.
    pub has_header: bool,
    /// The column that holds the text, counted from 0; without one all cells are it.
    pub text_column: Option<usize>,
}

impl Dialect {
    /// Rows without a header, all cells of which are the text.
    pub const PLAIN: Self =
        Self { separator: NONE, quoted: true, lines_before: 0, has_header: false, text_column: None };

    /// The character between cells; `None` if each row is one cell.
    pub fn separator(&self) -> Option<char> {
        (self.separator != NONE).then_some(char::from(self.separator))
    }
}

/// The dialect of a table that begins with `sample`, of which the last row may be cut unless it is `whole`. `promised`
/// is the separator that the file's name stands for; what `options` choose is not detected.
pub fn dialect(sample: &str, whole: bool, promised: u8, options: &TableOptions) -> Dialect {
    let chosen = options.separator.and_then(|separator| u8::try_from(separator).ok()).filter(u8::is_ascii);
    if let Some((separator, rest)) = said(sample) {
        let rows = Rows::of(rest, whole, chosen.unwrap_or(separator), true);
        return Dialect { lines_before: 1, ..rows.dialect(options) };
    }
    if let Some(separator) = chosen {
        return unquoted_if_swallowed(sample, whole, Rows::of(sample, whole, separator, true), options);
    }
    let separators = std::iter::once(promised).chain(SEPARATORS.into_iter().filter(|s| *s != promised));
    let mut best: Option<Rows> = None;
    for rows in separators.map(|separator| Rows::of(sample, whole, separator, true)) {
        if rows.fit(sample) > best.as_ref().map_or(0.5, |best| best.fit(sample)) + 0.01 {
            best = Some(rows);
        }
    }
    unquoted_if_swallowed(sample, whole, best.unwrap_or_else(|| Rows::of(sample, whole, NONE, true)), options)
}

/// The dialect of rows that are cells already, such as those of a sheet.
pub fn of_rows(rows: Vec<csv::StringRecord>, options: &TableOptions) -> Dialect {
    Rows { separator: NONE, quoted: true, rows, columns: 0, alike: 0 }.dialect(options)
}

fn unquoted_if_swallowed(sample: &str, whole: bool, rows: Rows, options: &TableOptions) -> Dialect {
    // A quotation mark without its end swallows rows, which shows where they are of one width without it.
    let bare = Rows::of(sample, whole, rows.separator, false);
    let swallowed = bare.rows.len() > rows.rows.len() && bare.columns >= rows.columns.max(2);
    if swallowed && bare.share() == 1.0 && !bare.closes_cells() { bare.dialect(options) } else { rows.dialect(options) }
}

/// What the table itself says, as one spreadsheet writes it for another: `sep=;`.
fn said(sample: &str) -> Option<(u8, &str)> {
    let (line, rest) = sample.split_once('\n')?;
    let line = line.trim_end_matches('\r').trim_matches('"');
    match line.as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] if separator.is_ascii() => Some((*separator, rest)),
        _ => None,
    }
}

/// The first rows, split in one way.
struct Rows {
    separator: u8,
    quoted: bool,
    rows: Vec<csv::StringRecord>,
    /// The width that most rows have.
    columns: usize,
    /// How many rows have it.
    alike: usize,
}

impl Rows {
    fn of(sample: &str, whole: bool, separator: u8, quoted: bool) -> Self {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(separator).quoting(quoted).has_headers(false).flexible(true);
        let records = builder.from_reader(sample.as_bytes()).into_records();
        let mut rows: Vec<csv::StringRecord> = records.take(ROWS + 1).filter_map(Result::ok).collect();
        if rows.len() > 1 && (!whole || rows.len() > ROWS) {
            rows.pop();
        }
        let mut widths: Vec<usize> = rows.iter().map(csv::StringRecord::len).collect();
        widths.sort_unstable();
        let most = widths.chunk_by(|a, b| a == b).map(|alike| (alike.len(), alike[0])).max().unwrap_or((0, 0));
        Self { separator, quoted, rows, columns: most.1, alike: most.0 }
    }

    /// The share of rows that have the usual width.
    fn share(&self) -> f32 {
        self.alike as f32 / self.rows.len().max(1) as f32
    }

    /// Whether a cell ends with a quotation mark that began in another one.
    fn closes_cells(&self) -> bool {
        let odd = |cell: &str| cell.matches('"').count() % 2 == 1;
        self.rows.iter().flatten().any(|cell| odd(cell) && cell.ends_with('"') && !cell.starts_with('"'))
    }

    /// How well this way of splitting fits: 0 if it splits nothing.
    fn fit(&self, sample: &str) -> f32 {
        let named = self.rows.first().is_some_and(|first| first.len() > 1 && text_column(first).is_some());
        let decimal = self.separator == b',' && is_decimal(sample);
        match self.columns {
            0 | 1 if !named => 0.0,
            _ => self.share() + if named { 1.0 } else { 0.0 } - if decimal { 0.2 } else { 0.0 },
        }
    }

    fn dialect(&self, options: &TableOptions) -> Dialect {
        let named = self.rows.first().and_then(text_column);
        let is_chosen = |place: usize, name: &str| options.is_text_column(place, name);
        let chosen =
            self.rows.first().and_then(|row| row.iter().enumerate().position(|(at, name)| is_chosen(at, name)));
        let has_header = options.has_header.unwrap_or_else(|| named.is_some() || chosen.is_some() || self.has_header());
        let text_column = match has_header {
            true => chosen.or(named),
            false => (0..self.columns.max(self.rows.first().map_or(0, csv::StringRecord::len)))
                .find(|place| is_chosen(*place, "")),
        };
        Dialect { separator: self.separator, quoted: self.quoted, lines_before: 0, has_header, text_column }
    }

    /// Whether the first row differs from the others as names do: no numbers in it above columns of numbers, or mostly
    /// words that columns are called.
    fn has_header(&self) -> bool {
        let Some((first, others)) = self.rows.split_first().filter(|(_, others)| !others.is_empty()) else {
            return false;
        };
        let names: Vec<String> = first.iter().map(|cell| cell.trim().to_lowercase()).collect();
        let proper = |name: &String| name.chars().count() <= 60 && !is_number(name);
        if !names.iter().all(proper) || names.iter().filter(|name| !name.is_empty()).count() * 2 < names.len() {
            return false;
        }
        let numbers = |column: usize| {
            let cells = others.iter().filter_map(|row| row.get(column)).map(str::trim).filter(|cell| !cell.is_empty());
            let (all, numbers) = cells.fold((0, 0), |(all, n), cell| (all + 1, n + usize::from(is_number(cell))));
            all > 0 && numbers * 10 >= all * 9
        };
        let known = names.iter().filter(|name| COLUMN_NAMES.contains(&name.replace('_', " ").as_str())).count();
        (0..names.len()).any(|column| !names[column].is_empty() && numbers(column)) || known * 2 > names.len()
    }
}

fn text_column(header: &csv::StringRecord) -> Option<usize> {
    TEXT_FIELDS.iter().find_map(|field| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(field)))
}

/// Whether nearly all commas stand between digits and some other separator does its work: decimal commas.
fn is_decimal(sample: &str) -> bool {
    let bytes = sample.as_bytes();
    let (mut all, mut within) = (0, 0);
    for at in bytes.iter().enumerate().filter(|(_, b)| **b == b',').map(|(at, _)| at) {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        all += 1;
        within += usize::from(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    }
    all > 0 && within * 10 >= all * 9
}

/// Whether a cell is a number, an amount, a share, or a date in digits.
fn is_number(cell: &str) -> bool {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    digits > 0 && cell.chars().all(|c| c.is_ascii_digit() || "+-.,:/ %eE€$£TZ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sample: &str) -> (char, bool, Option<usize>) {
        with(sample, TableOptions::default())
    }

    fn with(sample: &str, options: TableOptions) -> (char, bool, Option<usize>) {
        let dialect = dialect(sample, true, b',', &options);
        (dialect.separator as char, dialect.has_header, dialect.text_column)
    }

    #[test]
    fn separators_are_those_that_make_rows_of_one_width() {
        assert_eq!(of("id;text;price\n1;\"a brown dog; running\";1,5\n2;a cat;2,0\n"), (';', true, Some(1)));
        assert_eq!(of("1;1,5\n2;2,0\n3;7,25\n"), (';', false, None), "decimal commas");
        assert_eq!(of("a\tb, c\nd\te, f, g\n"), ('\t', false, None));
        assert_eq!(of("a|b|c, d\ne|f|g\n"), ('|', false, None));
        assert_eq!(of("\"a;b\",c\n\"d\",e\n"), (',', false, None), "separators within quotation marks are none");
        assert_eq!(of("sep=;\r\n1,5;2\r\n"), (';', false, None));
        assert_eq!(of("text\nHello, world\nFoo\nBar, baz, and more\n"), ('\u{1f}', true, Some(0)), "one column");
        assert_eq!(of("a,b\nc,d\ne\nf,g,h\ni,j\n"), (',', false, None), "ragged rows");
    }

    #[test]
    fn quotation_marks_in_words_do_not_join_rows() {
        let sample = "1\t\"Never say never\n2\tagain\n3\the said \"so\"\n4\t\"or not\n5\tx\n";
        let quoted = |sample: &str, promised| dialect(sample, true, promised, &TableOptions::default()).quoted;
        assert!(!quoted(sample, b'\t'));
        assert!(quoted("1\t\"two\nlines\"\n2\tx\n", b'\t'));
        assert!(quoted("text,id\r\n\"a, dog\r\nruns\",1\r\ncat,2\r\n", b','));
    }

    #[test]
    fn what_is_chosen_is_not_detected() {
        let separator = |c| TableOptions { separator: Some(c), ..TableOptions::default() };
        assert_eq!(with("1,5 a|x;2\n", separator('|')), ('|', false, None));
        assert_eq!(with("sep=;\r\n1|2\r\n", separator('|')), ('|', false, None));
        let header = |yes| TableOptions { has_header: Some(yes), ..TableOptions::default() };
        assert_eq!(with("dog,red\ncat,blue\n", header(true)), (',', true, None));
        assert_eq!(with("id,text\n1,a dog\n", header(false)), (',', false, None), "the first row is no header");
        let text = |name: &str| TableOptions { text_column: Some(name.to_owned()), ..TableOptions::default() };
        assert_eq!(with("id,text,Note\n1,a,b\n", text("note")), (',', true, Some(2)));
        assert_eq!(with("id,text\n1,a\n", text("note")), (',', true, Some(1)), "a table that does not have it");
        assert_eq!(with("dog,red\ncat,blue\n", text("column 2")), (',', false, Some(1)));
        assert_eq!(with("dog,red\ncat,blue\n", text("Red")), (',', true, Some(1)), "its name is in the header");
    }

    #[test]
    fn a_header_is_known_by_what_is_below_it() {
        assert!(of("animal,legs\ndog,4\nbird,2\n").1);
        assert!(of("Name,Colour\nTom,grey\nJerry,brown\n").1);
        assert!(!of("1,red,round\n2,blue,\n").1);
        assert!(!of("dog,red\ncat,blue\n").1);
        assert!(!of("a dog runs\na cat sleeps\n").1);
    }
}
