//! JSON that is no line an object: a list of objects, as shops' interfaces give it, alone or inside
//! an object (`{"orders":[…]}`), or objects written over several lines. Each element becomes one
//! line, byte by byte, so that memory does not depend on the size of the file.

use std::io::{self, Read};

use serde_json::Value;

use super::columns::{self, Field, FileKind};
use super::encoding::UTF8_MARK;
use super::json_lines::LINE_LISTS;

const READ_BYTES: usize = 64 << 10;

/// Where the objects of a file stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Elements {
    /// One after the other, over any number of lines.
    Loose,
    /// In a list.
    List,
    /// In the list of this name inside an object. The name stands as in the file, escapes and all.
    Named(String),
}

impl Elements {
    pub(crate) fn describe(&self) -> String {
        match self {
            Elements::Loose => "objects over several lines".to_owned(),
            Elements::List => "one list of objects".to_owned(),
            Elements::Named(name) => format!("one object with the list {name:?}"),
        }
    }

    /// How deep an element stands.
    fn depth(&self) -> usize {
        match self {
            Elements::Loose => 0,
            Elements::List => 1,
            Elements::Named(_) => 2,
        }
    }

    /// How the objects of this text stand, which begins with `{` or `[`; `None`: one a line. The
    /// error names lists of which none is the one.
    pub(crate) fn of(text: &str, kind: FileKind) -> Result<Option<Elements>, String> {
        if text.starts_with('[') {
            return Ok(Some(Elements::List));
        }
        let lines = || text.lines().filter(|line| !line.trim().is_empty()).take(2_000);
        let objects = || lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let n_objects = objects().filter(Value::is_object).count();
        let is_line_wise = n_objects * 2 >= lines().count();
        let as_they_stand = || Ok(if is_line_wise { None } else { Some(Elements::Loose) });
        let Outline { values, lists } = Outline::of(text);
        let has_key = has_key(kind, &values);
        let is_own = |name: &&String| name.as_str() == kind.as_str();
        if let Some(own) = lists.iter().find(is_own)
            && !(has_key && kind == FileKind::Items)
        {
            return Ok(Some(Elements::Named(own.clone())));
        }
        if has_key {
            return as_they_stand();
        }
        let pages: Vec<&String> = lists.iter().filter(|name| is_page(kind, name)).collect();
        let of_lines =
            |name: &String| kind == FileKind::Orders && LINE_LISTS.contains(&name.as_str());
        let are_several = is_line_wise && n_objects > 1;
        match (&pages[..], &lists[..]) {
            ([page], _) => Ok(Some(Elements::Named((*page).clone()))),
            // Its key may have a name that nobody knows.
            (_, lists) if are_several || lists.iter().all(of_lines) => as_they_stand(),
            (_, [only]) => Ok(Some(Elements::Named(only.clone()))),
            _ => Err(lists.join(", ")),
        }
    }
}

/// Names of lists of records, as interfaces give them page by page.
fn is_page(kind: FileKind, name: &str) -> bool {
    let of_any = ["data", "results", "result", "records", "rows", "content", "value", "entries"];
    let of_items = ["products", "items"];
    of_any.contains(&name) || (kind == FileKind::Items && of_items.contains(&name))
}

/// Do these names of values that stand in the object itself make it a record of this kind?
fn has_key(kind: FileKind, names: &[String]) -> bool {
    let key: &[Field] = match kind {
        FileKind::Orders => &[Field::OrderId, Field::EventName],
        FileKind::Items => &[Field::ItemId],
        FileKind::Customers | FileKind::Holdings => &[Field::CustomerId, Field::Email],
        FileKind::Events => &[Field::EventName, Field::EventId, Field::Timestamp],
        FileKind::Relations => &[Field::FromItem, Field::ToItem],
    };
    // In JSON with the lines inside, a plain `id` is that of the order.
    let is_id = |name: &String| matches!(name.as_str(), "id" | "number" | "event_name");
    let found = columns::recognize(kind, names);
    key.iter().any(|field| found.column(*field).is_some()) || names.iter().any(is_id)
}

/// The names within the first object of a text, which may end anywhere.
#[derive(Debug, Default)]
struct Outline {
    /// Of single values.
    values: Vec<String>,
    /// Of lists that begin with an object.
    lists: Vec<String>,
}

impl Outline {
    fn of(text: &str) -> Outline {
        let mut outline = Outline::default();
        let mut walk = Walk::default();
        let mut is_list = false;
        for &byte in text.as_bytes() {
            let before = walk.depth;
            let is_letter = walk.step(byte);
            if is_letter || byte.is_ascii_whitespace() {
                continue;
            }
            match (before, byte) {
                (1, b'}') => break,
                (1, b'[') => is_list = true,
                (1, b'{' | b':' | b',' | b'"') => is_list = false,
                // The first thing in a list.
                (2, b'{') if is_list => {
                    outline.lists.push(walk.key.clone());
                    is_list = false;
                }
                (2, _) => is_list = false,
                _ => {}
            }
            if before == 1 && byte == b':' {
                outline.values.push(walk.key.clone());
            }
        }
        let Outline { values, lists } = &mut outline;
        values.retain(|name| !lists.contains(name));
        outline
    }
}

/// How deep a byte stands, and the name that was read last in the outermost object.
#[derive(Debug, Default)]
struct Walk {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// The text being read may be a name of the outermost object.
    may_be_key: bool,
    key: String,
    text: Vec<u8>,
}

impl Walk {
    /// Goes on by a byte. Is it part of a text, its closing quote left out?
    #[inline]
    fn step(&mut self, byte: u8) -> bool {
        if self.in_text {
            if self.is_escaped {
                self.is_escaped = false;
            } else if byte == b'\\' {
                self.is_escaped = true;
            } else if byte == b'"' {
                self.in_text = false;
                return false;
            }
            if self.may_be_key && self.text.len() < 256 {
                self.text.push(byte);
            }
            return true;
        }
        match byte {
            b'"' => {
                self.in_text = true;
                self.may_be_key = self.depth == 1;
                self.text.clear();
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if self.depth == 1 => self.key = String::from_utf8_lossy(&self.text).into_owned(),
            _ => {}
        }
        false
    }
}

/// Gives the elements of what it reads, one a line.
pub(crate) struct ElementLines<R> {
    reader: R,
    elements: Elements,
    walk: Walk,
    /// The list of the elements is open.
    in_list: bool,
    in_element: bool,
    is_started: bool,
    is_ended: bool,
    /// What ends too early is told; a sample may.
    is_sample: bool,
    lines: Vec<u8>,
    n_given: usize,
}

impl<R: Read> ElementLines<R> {
    pub(crate) fn new(reader: R, elements: Elements) -> ElementLines<R> {
        ElementLines {
            reader,
            in_list: elements == Elements::Loose,
            elements,
            walk: Walk::default(),
            in_element: false,
            is_started: false,
            is_ended: false,
            is_sample: false,
            lines: Vec::new(),
            n_given: 0,
        }
    }

    pub(crate) fn of_sample(reader: R, elements: Elements) -> ElementLines<R> {
        ElementLines { is_sample: true, ..ElementLines::new(reader, elements) }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; READ_BYTES];
        let n_read = self.reader.read(&mut bytes)?;
        (self.n_given, self.is_ended) = (0, n_read == 0);
        self.lines.clear();
        let mut bytes = &bytes[..n_read];
        if !std::mem::replace(&mut self.is_started, n_read > 0) {
            bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
        }
        for &byte in bytes {
            self.take(byte);
        }
        if self.is_ended && (self.walk.depth > 0 || self.walk.in_text) && !self.is_sample {
            let text = "the JSON ends in the middle, with brackets that are never closed: was the \
                        file cut off? Fetch or export it again";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        if self.is_ended && self.in_element {
            self.end_element();
        }
        Ok(())
    }

    #[inline]
    fn take(&mut self, byte: u8) {
        let (before, was_text) = (self.walk.depth, self.walk.in_text);
        self.walk.step(byte);
        if was_text {
            return self.keep(byte);
        }
        let at = self.elements.depth();
        match byte {
            b'[' if !self.in_list && before + 1 == at => {
                self.in_list = match &self.elements {
                    Elements::Named(name) => self.walk.key == *name,
                    _ => true,
                };
            }
            b']' if self.in_list && before == at && at > 0 => {
                self.end_element();
                self.in_list = false;
            }
            b',' if before == at => self.end_element(),
            b'}' | b']' if self.walk.depth == at => {
                self.keep(byte);
                self.end_element();
            }
            _ if byte.is_ascii_whitespace() => {
                // Blanks between the parts of an element are none of it, but part what is scalar.
                if self.in_element && before == at {
                    self.end_element();
                }
            }
            _ => {
                self.in_element |= self.in_list && before >= at;
                self.keep(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.in_element && byte != b'\n' && byte != b'\r' {
            self.lines.push(byte);
        }
    }

    fn end_element(&mut self) {
        if std::mem::take(&mut self.in_element) {
            self.lines.push(b'\n');
        }
    }
}

impl<R: Read> Read for ElementLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.n_given == self.lines.len() && !self.is_ended {
            self.fill()?;
        }
        let rest = &self.lines[self.n_given..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.n_given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buffer.len()).min(1);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn lines(text: &str, kind: FileKind) -> String {
        let Some(elements) = Elements::of(text.trim_start(), kind).unwrap() else {
            return "lines".to_owned();
        };
        let mut whole = String::new();
        ElementLines::new(text.as_bytes(), elements.clone()).read_to_string(&mut whole).unwrap();
        let mut dripped = String::new();
        ElementLines::new(Drip(text.as_bytes()), elements).read_to_string(&mut dripped).unwrap();
        assert_eq!(whole, dripped);
        whole
    }

    #[test]
    fn elements_of_a_list_wherever_it_stands() {
        use FileKind::Orders;
        let two = "{\"id\":1,\"items\":[{\"sku\":\"a\"}]}\n{\"id\":2}\n";
        for text in [
            "[{\"id\":1,\"items\":[{\"sku\":\"a\"}]},{\"id\":2}]",
            " [ {\n\"id\" : 1, \"items\": [ {\"sku\": \"a\"} ] } ,\r\n {\"id\":2} ] \n",
            "{\"orders\":[{\"id\":1,\"items\":[{\"sku\":\"a\"}]},{\"id\":2}]}",
            "{\"page\":{\"n\":[1]},\"total\":2,\"orders\":\n [{\"id\":1,\"items\":\
             [{\"sku\":\"a\"}]\n},{\"id\":2}], \"tags\":[\"x\",{}], \
             \"links\":{\"orders\":[{\"id\":3}]}}",
            "{\"orders\":[{\"id\":1,\"items\":[{\"sku\":\"a\"}]}]}\n{\"orders\":[{\"id\":2}]}\n",
            "{\n \"id\": 1,\n \"items\": [{\"sku\":\"a\"}]\n}\n{\n \"id\": 2\n}",
        ] {
            assert_eq!(lines(text, Orders), two, "for {text}");
        }
        assert_eq!(lines("[]", Orders), "");
        assert_eq!(
            lines("[1, \"a b\", null,{\"a\":[]}]", Orders),
            "1\n\"a b\"\nnull\n{\"a\":[]}\n"
        );
    }

    #[test]
    fn texts_may_hold_what_looks_like_the_end() {
        let text = r#"{"orders":[{"id":"]}\"","note":"[{,"},{"id":"\\"}]}"#;
        let expected = "{\"id\":\"]}\\\"\",\"note\":\"[{,\"}\n{\"id\":\"\\\\\"}\n";
        assert_eq!(lines(text, FileKind::Orders), expected);
    }

    #[test]
    fn an_order_with_its_lines_is_no_list_of_orders() {
        let one = "{\"order_id\":7,\"items\":[{\"sku\":\"a\"}]}\n";
        assert_eq!(lines(one, FileKind::Orders), "lines");
        assert_eq!(lines("{\"id\":7,\"products\":[{\"sku\":\"a\"}]}", FileKind::Orders), "lines");
        assert_eq!(lines("{\"sku\":7,\"images\":[{\"src\":\"a\"}]}", FileKind::Items), "lines");
        let products = "{\"products\":[{\"id\":7,\"title\":\"a\"}]}";
        assert_eq!(lines(products, FileKind::Items), "{\"id\":7,\"title\":\"a\"}\n");
        // Its key has a name that nobody knows: who imports it will map it.
        let mapped = "{\"oid\":7,\"items\":[{\"sku\":\"a\"}]}\n";
        assert_eq!(lines(mapped, FileKind::Orders), "lines");
        assert_eq!(lines(&mapped.repeat(2), FileKind::Orders), "lines");
        let tagged = "{\"nr\":7,\"tags\":[{\"name\":\"a\"}]}\n".repeat(2);
        assert_eq!(lines(&tagged, FileKind::Items), "lines");
        // A page of an interface that names its lists in a general way.
        let page = "{\"meta\":{},\"data\":[{\"oid\":1}],\"included\":[{\"x\":2}]}";
        assert_eq!(lines(page, FileKind::Orders), "{\"oid\":1}\n");
        // A line that is broken makes the others no less lines.
        assert_eq!(lines("{\"id\":7,\n{\"id\":8}\n{\"id\":9}\n", FileKind::Orders), "lines");
    }

    #[test]
    fn of_several_lists_the_one_that_is_named_like_the_kind() {
        let text = "{\"customers\":[{\"id\":1}],\"orders\":[{\"id\":2}]}";
        assert_eq!(lines(text, FileKind::Orders), "{\"id\":2}\n");
        assert_eq!(Elements::of(text, FileKind::Items), Err("customers, orders".to_owned()));
    }

    #[test]
    fn a_list_that_is_cut_off_is_told() {
        let text = "[{\"id\":1},{\"id\":2,";
        let mut read = String::new();
        let error = ElementLines::new(text.as_bytes(), Elements::List).read_to_string(&mut read);
        assert!(error.unwrap_err().to_string().contains("cut off"));
        let mut sample = String::new();
        let reader = ElementLines::of_sample(text.as_bytes(), Elements::List);
        io::BufReader::new(reader).read_to_string(&mut sample).unwrap();
        assert_eq!(sample, "{\"id\":1}\n{\"id\":2,\n");
    }
}
