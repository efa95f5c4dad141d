//! A file of a randomized experiment: a customer a row, with arm, outcome, and what was known
//! before.

use crate::error::Error;
use crate::table_file::TableFile;
use hashbrown::HashSet;
use measure::logistic::Rows;
use std::path::Path;

/// Different texts of a column that is taken for categories.
const MAX_CATEGORIES: usize = 50;
/// Names of an arm that was left alone, compared without case.
const CONTROL_WORDS: [&str; 5] = ["no ", "control", "holdout", "none", "untreated"];

/// Which column is which.
#[derive(Clone, Debug, PartialEq)]
pub struct UpliftColumns {
    pub id: String,
    pub arm: String,
    pub outcome: String,
    /// Columns that are not features: what was only known afterwards.
    pub ignored: Vec<String>,
    /// The arm that was left alone; told by its name when `None`.
    pub control: Option<String>,
}

impl Default for UpliftColumns {
    /// Those of Hillstrom's e-mail test.
    fn default() -> UpliftColumns {
        UpliftColumns {
            id: "customer_id".into(),
            arm: "segment".into(),
            outcome: "visit".into(),
            ignored: vec!["conversion".into(), "spend".into()],
            control: None,
        }
    }
}

/// The experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpliftFile {
    pub ids: Vec<Box<str>>,
    /// Index into `arm_names`.
    pub arms: Vec<u32>,
    /// In order of first appearance.
    pub arm_names: Vec<Box<str>>,
    pub control: u32,
    /// 0 or 1.
    pub outcome: Vec<f64>,
    /// Numbers as they are; of texts one column of 0 and 1 each.
    pub features: Rows,
    pub feature_names: Vec<String>,
}

impl UpliftFile {
    pub fn read(path: &Path, columns: &UpliftColumns) -> Result<UpliftFile, Error> {
        let table = TableFile::read(path)?;
        let outcome = table.numbers(&columns.outcome)?;
        if let Some(row) = outcome.iter().position(|&y| y != 0.0 && y != 1.0) {
            let (name, found) = (&columns.outcome, outcome[row]);
            return Err(table.bad(format!("row {}: {name} is {found}, not 0 or 1", row + 1)));
        }
        let ids = table.texts(&columns.id)?;
        if let Some(row) = first_repeated(&ids) {
            let what = format!("row {}: customer {} stands there twice", row + 1, ids[row]);
            return Err(table.bad(what));
        }
        let (arms, arm_names) = coded(&table.texts(&columns.arm)?);
        let control = control_of(&table, &arm_names, columns)?;
        let mut file =
            UpliftFile { ids, arms, arm_names, control, outcome, ..UpliftFile::default() };
        file.read_features(&table, columns)?;
        Ok(file)
    }

    /// Indices of arms that were treated.
    pub fn treatments(&self) -> impl Iterator<Item = u32> {
        let control = self.control;
        (0..self.arm_names.len() as u32).filter(move |&arm| arm != control)
    }

    fn read_features(&mut self, table: &TableFile, columns: &UpliftColumns) -> Result<(), Error> {
        let own = [&columns.id, &columns.arm, &columns.outcome];
        let is_feature = |name: &str| {
            !own.iter().any(|other| *other == name) && !columns.ignored.iter().any(|o| o == name)
        };
        let mut values: Vec<Vec<f64>> = Vec::new();
        for name in table.names().filter(|name| is_feature(name)) {
            if let Some(numbers) = table.numbers_if(name)? {
                self.feature_names.push(name.to_owned());
                values.push(numbers);
                continue;
            }
            if let Some(numbers) = table.numbers_with_holes(name)? {
                let [filled, is_empty] = with_holes(&numbers);
                self.feature_names.extend([name.to_owned(), format!("{name} is empty")]);
                values.extend([filled, is_empty]);
                continue;
            }
            let (codes, texts) = coded(&table.texts(name)?);
            if texts.len() > MAX_CATEGORIES {
                return Err(table.bad(format!(
                    "column {name} is not a number everywhere and has {} different texts; leave it \
                     out with --ignore {name}",
                    texts.len()
                )));
            }
            for (code, text) in texts.iter().enumerate() {
                self.feature_names.push(format!("{name}={text}"));
                let is = |&other: &u32| f64::from(u8::from(other as usize == code));
                values.push(codes.iter().map(is).collect());
            }
        }
        if values.is_empty() {
            return Err(table.bad("no column is left as a feature".to_owned()));
        }
        self.features.n_columns = values.len();
        for row in 0..table.n_rows() {
            self.features.values.extend(values.iter().map(|column| column[row]));
        }
        Ok(())
    }
}

fn first_repeated(ids: &[Box<str>]) -> Option<usize> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter().position(|id| !seen.insert(id))
}

/// Codes in order of first appearance.
fn coded(texts: &[Box<str>]) -> (Vec<u32>, Vec<Box<str>>) {
    let mut codes = crate::order_file::Codes::default();
    let coded = texts.iter().map(|text| codes.code(text)).collect();
    (coded, codes.ids)
}

fn control_of(
    table: &TableFile,
    arm_names: &[Box<str>],
    columns: &UpliftColumns,
) -> Result<u32, Error> {
    let names = || arm_names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if arm_names.len() < 2 {
        return Err(table.bad(format!("column {} holds one arm only: {}", columns.arm, names())));
    }
    let is_control = |name: &str| match &columns.control {
        Some(control) => name == control,
        None => {
            let name = name.to_lowercase();
            name == "0" || CONTROL_WORDS.iter().any(|word| name.starts_with(word))
        }
    };
    let mut found = (0_u32..).zip(arm_names).filter(|(_, name)| is_control(name));
    match (found.next(), found.next()) {
        (Some((arm, _)), None) => Ok(arm),
        _ => Err(table.bad(format!(
            "which arm of {} was left alone? Say --control NAME with one of {}",
            columns.arm,
            names()
        ))),
    }
}

/// The numbers with their mean where one is missing, and 1 where it is: an empty cell is no 0, and
/// that it is empty may itself say something.
fn with_holes(numbers: &[Option<f64>]) -> [Vec<f64>; 2] {
    let n = numbers.iter().flatten().count().max(1) as f64;
    let mean = numbers.iter().flatten().sum::<f64>() / n;
    let filled = numbers.iter().map(|number| number.unwrap_or(mean)).collect();
    [filled, numbers.iter().map(|number| f64::from(u8::from(number.is_none()))).collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: &UpliftColumns) -> Result<UpliftFile, Error> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("test.csv");
        std::fs::write(&path, text).expect("a file");
        UpliftFile::read(&path, columns)
    }

    const SMALL: &str = "customer_id,recency,zip,segment,visit,spend\n\
                         7,3,Rural,Mail A,1,9\n8,4,Urban,No Mail,0,0\n9,5,Rural,Mail B,0,0\n";

    #[test]
    fn numbers_stay_and_texts_become_columns() {
        let file = read(SMALL, &UpliftColumns::default()).expect("sound");
        assert_eq!(file.feature_names, ["recency", "zip=Rural", "zip=Urban"]);
        assert_eq!(file.features.values, [3.0, 1.0, 0.0, 4.0, 0.0, 1.0, 5.0, 1.0, 0.0]);
        assert_eq!(file.outcome, [1.0, 0.0, 0.0]);
        assert_eq!(&*file.arm_names[file.control as usize], "No Mail");
        assert_eq!(file.treatments().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn an_empty_cell_among_numbers_is_the_mean_and_said_to_be_empty() {
        let file = read(&SMALL.replace("8,4,", "8,,"), &UpliftColumns::default()).expect("sound");
        assert_eq!(file.feature_names[..2], ["recency", "recency is empty"]);
        assert_eq!(file.features.values[..8], [3.0, 0.0, 1.0, 0.0, 4.0, 1.0, 0.0, 1.0]);
        // One text among them makes it a column of texts, and nothing at all is one text.
        let texts = read(&SMALL.replace("8,4,", "8,four,"), &UpliftColumns::default());
        assert_eq!(
            texts.expect("sound").feature_names[..3],
            ["recency=3", "recency=four", "recency=5"]
        );
    }

    #[test]
    fn what_is_no_experiment_is_refused_with_the_place() {
        let told = |text: &str, columns: &UpliftColumns| {
            read(text, columns).expect_err("refused").to_string()
        };
        let plain = UpliftColumns::default();
        let wrong = told(&SMALL.replace(",1,9", ",2,9"), &plain);
        assert!(wrong.contains("row 1: visit is 2, not 0 or 1"), "{wrong}");
        let twice = told(&SMALL.replace("9,5,", "7,5,"), &plain);
        assert!(twice.contains("row 3: customer 7 stands there twice"), "{twice}");
        let unclear = told(&SMALL.replace("No Mail", "Letter"), &plain);
        assert!(unclear.contains("--control NAME with one of `Mail A`, `Letter`"), "{unclear}");
        let one = told("customer_id,x,segment,visit\n1,2,a,0\n", &plain);
        assert!(one.contains("one arm only"), "{one}");
        let missing = told(SMALL, &UpliftColumns { arm: "arm".into(), ..plain.clone() });
        assert!(missing.contains("no column arm; it has customer_id"), "{missing}");
        let ignored = ["recency", "zip", "spend"].map(String::from).to_vec();
        let none = told(SMALL, &UpliftColumns { ignored, ..plain.clone() });
        assert!(none.contains("no column is left"), "{none}");
        let mut many = String::from("customer_id,segment,visit,name\n");
        (0..60).for_each(|i| many.push_str(&format!("{i},No {},0,n{i}\n", i % 2)));
        let columns = UpliftColumns { control: Some("No 1".into()), ..plain };
        let many = told(&many, &columns);
        assert!(many.contains("--ignore name"), "{many}");
    }
}
