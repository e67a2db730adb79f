//! `date_trunc` of moments with a zone, at the price of a look-up.
//!
//! The engine asks the zone for each row. But every zone's offset has been a multiple of a quarter of an hour since
//! 1972, so that all moments of one quarter hour have the same local hour, day, week, month and year: it is enough to
//! ask once for each quarter hour that occurs.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, PrimitiveArray};
use arrow::compute::{max, min};
use arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use datafusion::common::Result;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::period::QUARTER_HOUR_US;

/// The first moment from which all offsets are multiples of a quarter of an hour: 1972-02-01, in microseconds.
const QUARTERS_SINCE_US: i64 = 65_750_400_000_000;

/// What is truncated to at least a quarter of an hour. The engine is fast with anything shorter.
const LONG: &[&str] = &["hour", "day", "week", "month", "quarter", "year"];

/// Quarter hours for each row up to which a table of them is smaller than the work that it saves.
const QUARTERS_PER_ROW: usize = 16;

/// The function, made cheap where it is `date_trunc`.
pub(super) fn cheap(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    if function.name() != "date_trunc" {
        return function;
    }
    Arc::new(ScalarUDF::new_from_impl(DateTrunc { engines: function }))
}

/// The engine's function, asked once for each quarter hour.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    engines: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engines.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engines.inner().return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.engines.inner().return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let [ColumnarValue::Scalar(precision), ColumnarValue::Array(moments)] = arguments.args.as_slice()
            && let DataType::Timestamp(unit, Some(zone)) = moments.data_type()
            // A zone that is an offset can be any number of minutes.
            && !zone.starts_with(['+', '-'])
            && let Some(Some(text)) = precision.try_as_str()
            && LONG.contains(&text.to_lowercase().as_str())
        {
            let (unit, zone) = (*unit, Arc::clone(zone));
            return match unit {
                // As the book keeps moments, and as `AT TIME ZONE` gives them.
                TimeUnit::Microsecond => self.by_quarter::<TimestampMicrosecondType>(arguments, &zone, 1),
                TimeUnit::Nanosecond => self.by_quarter::<TimestampNanosecondType>(arguments, &zone, 1_000),
                _ => self.engines.invoke_with_args(arguments),
            };
        }
        self.engines.invoke_with_args(arguments)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engines.inner().output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.inner().documentation()
    }
}

impl DateTrunc {
    /// Truncates the quarter hours that occur, and looks each moment up; `per_us` are the moments' units in a microsecond.
    fn by_quarter<T: ArrowTimestampType>(
        &self,
        arguments: ScalarFunctionArgs,
        zone: &Arc<str>,
        per_us: i64,
    ) -> Result<ColumnarValue> {
        let ColumnarValue::Array(moments) = &arguments.args[1] else {
            return self.engines.invoke_with_args(arguments);
        };
        let moments = Arc::clone(moments);
        let moments = moments.as_primitive::<T>();
        let Some(quarters) = Quarters::of(moments, per_us) else {
            return self.engines.invoke_with_args(arguments);
        };
        let starts = PrimitiveArray::<T>::from_iter_values(quarters.starts.iter().copied());
        let starts: ArrayRef = Arc::new(starts.with_timezone(Arc::clone(zone)));
        let number_rows = starts.len();
        let args = vec![arguments.args[0].clone(), ColumnarValue::Array(starts)];
        let truncated =
            self.engines.invoke_with_args(ScalarFunctionArgs { args, number_rows, ..arguments })?;
        let truncated = truncated.into_array(number_rows)?;
        let result = quarters.look_up(moments, truncated.as_primitive::<T>()).with_timezone(Arc::clone(zone));
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

/// The quarter hours that occur among some moments.
struct Quarters {
    /// The length of one, in the moments' unit.
    length: i64,
    first: i64,
    /// For each quarter hour from the first on, its place among those that occur.
    places: Vec<u32>,
    /// The beginnings of those that occur.
    starts: Vec<i64>,
}

/// The mark of a quarter hour that does not occur.
const NONE: u32 = u32::MAX;

impl Quarters {
    /// None where a table of them would not pay, or where moments are too old.
    fn of<T: ArrowTimestampType>(moments: &PrimitiveArray<T>, per_us: i64) -> Option<Self> {
        let length = QUARTER_HOUR_US * per_us;
        let (oldest, newest) = (min(moments)?, max(moments)?);
        let first = oldest.div_euclid(length);
        let span = usize::try_from(newest.div_euclid(length) - first).ok()?.checked_add(1)?;
        if oldest < QUARTERS_SINCE_US * per_us || span > moments.len().saturating_mul(QUARTERS_PER_ROW) {
            return None;
        }
        let mut quarters = Self { length, first, places: vec![NONE; span], starts: Vec::new() };
        for moment in moments.iter().flatten() {
            let quarter = moment.div_euclid(length);
            let place = &mut quarters.places[(quarter - first) as usize];
            if *place == NONE {
                *place = quarters.starts.len() as u32;
                quarters.starts.push(quarter * length);
            }
        }
        Some(quarters)
    }

    /// The value that belongs to each moment's quarter hour.
    fn look_up<T: ArrowTimestampType>(
        &self,
        moments: &PrimitiveArray<T>,
        values: &PrimitiveArray<T>,
    ) -> PrimitiveArray<T> {
        let values = values.values();
        moments.unary(|moment| {
            // What stands at nulls may be anything.
            let quarter = moment.div_euclid(self.length).wrapping_sub(self.first);
            let place = usize::try_from(quarter).ok().and_then(|quarter| self.places.get(quarter));
            place.and_then(|place| values.get(*place as usize)).copied().unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use datafusion::common::ScalarValue;
    use datafusion::common::config::ConfigOptions;
    use datafusion::execution::SessionStateDefaults;

    use super::*;

    fn truncated(function: &ScalarUDF, precision: &str, moments: ArrayRef) -> ArrayRef {
        let field = |name: &str, data_type: &DataType| {
            Arc::new(arrow::datatypes::Field::new(name, data_type.clone(), true))
        };
        let fields = vec![field("precision", &DataType::Utf8), field("moment", moments.data_type())];
        let arguments = ScalarFunctionArgs {
            number_rows: moments.len(),
            return_field: field("truncated", moments.data_type()),
            arg_fields: fields,
            args: vec![
                ColumnarValue::Scalar(ScalarValue::Utf8(Some(precision.to_owned()))),
                ColumnarValue::Array(Arc::clone(&moments)),
            ],
            config_options: Arc::new(ConfigOptions::default()),
        };
        function.invoke_with_args(arguments).expect("truncated").into_array(moments.len()).expect("an array")
    }

    #[test]
    fn it_gives_what_the_engine_gives() {
        let engines = SessionStateDefaults::default_scalar_functions();
        let engines = engines.into_iter().find(|function| function.name() == "date_trunc").expect("there");
        let ours = cheap(Arc::clone(&engines));
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment").timestamp_micros();
        // Around both clock changes, at the end of a year, and a null.
        let mut moments: Vec<Option<i64>> = vec![None];
        for day in ["2026-03-29", "2026-10-25", "2026-12-31", "2027-01-01"] {
            let midnight = at(&format!("{day}T00:00:00Z"));
            moments.extend((0..24 * 12).map(|step| Some(midnight + step * 300_000_000 + 7)));
        }
        for zone in
            ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "+00:07"]
        {
            let array = PrimitiveArray::<TimestampMicrosecondType>::from(moments.clone()).with_timezone(zone);
            let array: ArrayRef = Arc::new(array);
            for precision in LONG.iter().chain(&["minute", "DAY"]) {
                let finer = DataType::Timestamp(TimeUnit::Nanosecond, Some(zone.into()));
                let finer = arrow::compute::cast(&array, &finer).expect("finer");
                for array in [&array, &finer] {
                    let expected = truncated(&engines, precision, Arc::clone(array));
                    assert_eq!(
                        &truncated(&ours, precision, Arc::clone(array)),
                        &expected,
                        "{zone} {precision}"
                    );
                }
            }
        }
        // Too old, too far apart, and nothing at all.
        for moments in [
            vec![Some(-1), Some(5)],
            vec![Some(at("1980-01-01T00:00:00Z")), Some(at("2026-01-01T00:00:00Z"))],
            vec![],
        ] {
            let array =
                PrimitiveArray::<TimestampMicrosecondType>::from(moments).with_timezone("Europe/Berlin");
            let array: ArrayRef = Arc::new(array);
            assert_eq!(&truncated(&ours, "day", Arc::clone(&array)), &truncated(&engines, "day", array));
        }
    }
}
