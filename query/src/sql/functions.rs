//! The functions that free SQL may call: chosen one by one, so that a new version of the engine adds none by itself.
//!
//! Left out are those that make much out of little (`repeat`, `generate_series` as a list), that look at the machine
//! (`version`), and those that nobody asked for yet. Operators, `CASE`, `CAST`, `EXTRACT`, `[…]` and their like are no
//! functions, and always there.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

/// What each group of functions is for, and its names as they are written; other names of the same function are
/// known too.
pub(super) const FUNCTIONS: &[(&str, &[&str])] = &[
    ("conditions", &["coalesce", "greatest", "least", "nullif", "nvl", "nvl2"]),
    (
        "numbers",
        &[
            "abs",
            "cbrt",
            "ceil",
            "degrees",
            "exp",
            "factorial",
            "floor",
            "gcd",
            "isnan",
            "iszero",
            "lcm",
            "ln",
            "log",
            "log10",
            "log2",
            "nanvl",
            "pi",
            "power",
            "radians",
            "random",
            "round",
            "signum",
            "sqrt",
            "trunc",
        ],
    ),
    (
        "text",
        &[
            "ascii",
            "bit_length",
            "btrim",
            "character_length",
            "chr",
            "concat",
            "concat_ws",
            "contains",
            "ends_with",
            "find_in_set",
            "initcap",
            "left",
            "levenshtein",
            "lower",
            "lpad",
            "ltrim",
            "octet_length",
            "overlay",
            "replace",
            "reverse",
            "right",
            "rpad",
            "rtrim",
            "split_part",
            "starts_with",
            "strpos",
            "substr",
            "substr_index",
            "to_hex",
            "translate",
            "upper",
        ],
    ),
    (
        "regular expressions",
        &["regexp_count", "regexp_instr", "regexp_like", "regexp_match", "regexp_replace"],
    ),
    (
        "time",
        &[
            "current_date",
            "current_time",
            "date_bin",
            "date_part",
            "date_trunc",
            "from_unixtime",
            "make_date",
            "now",
            "to_char",
            "to_date",
            "to_local_time",
            "to_timestamp",
            "to_timestamp_micros",
            "to_timestamp_millis",
            "to_timestamp_nanos",
            "to_timestamp_seconds",
            "to_unixtime",
        ],
    ),
    (
        "lists, structs and maps",
        &[
            "array_distinct",
            "array_element",
            "array_has",
            "array_has_all",
            "array_has_any",
            "array_length",
            "array_max",
            "array_min",
            "array_position",
            "array_slice",
            "array_sort",
            "array_to_string",
            "cardinality",
            "empty",
            "get_field",
            "make_array",
            "map_entries",
            "map_extract",
            "map_keys",
            "map_values",
            "named_struct",
            "string_to_array",
            "struct",
        ],
    ),
    (
        "types, hashes and encodings",
        &[
            "arrow_cast",
            "arrow_typeof",
            "decode",
            "digest",
            "encode",
            "md5",
            "sha224",
            "sha256",
            "sha384",
            "sha512",
        ],
    ),
    (
        "aggregates",
        &[
            "approx_distinct",
            "approx_median",
            "approx_percentile_cont",
            "array_agg",
            "avg",
            "bit_and",
            "bit_or",
            "bit_xor",
            "bool_and",
            "bool_or",
            "corr",
            "count",
            "covar_pop",
            "covar_samp",
            "first_value",
            "grouping",
            "last_value",
            "max",
            "median",
            "min",
            "nth_value",
            "percentile_cont",
            "stddev",
            "stddev_pop",
            "string_agg",
            "sum",
            "var",
            "var_pop",
        ],
    ),
    (
        "windows",
        &[
            "cume_dist",
            "dense_rank",
            "first_value",
            "lag",
            "last_value",
            "lead",
            "nth_value",
            "ntile",
            "percent_rank",
            "rank",
            "row_number",
        ],
    ),
    // As tables they come in batches; the lists of the same names would not.
    ("tables", &["generate_series", "range"]),
];

/// The engine's parts that plan SQL, with these functions and no others, no file format and no kind of table.
pub(crate) fn session_state() -> SessionStateBuilder {
    let names: HashSet<&str> = FUNCTIONS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let scalar = SessionStateDefaults::default_scalar_functions().into_iter();
    let aggregate = SessionStateDefaults::default_aggregate_functions().into_iter();
    let window = SessionStateDefaults::default_window_functions().into_iter();
    let table = SessionStateDefaults::default_table_functions().into_iter();
    let series = ["generate_series", "range"];
    SessionStateBuilder::new()
        .with_physical_optimizer_rules(physical_optimizer_rules())
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(
            scalar
                .filter(|function| names.contains(function.name()) && !series.contains(&function.name()))
                .map(super::date_trunc::cheap)
                .collect(),
        )
        .with_aggregate_functions(aggregate.filter(|function| names.contains(function.name())).collect())
        .with_window_functions(window.filter(|function| names.contains(function.name())).collect())
        .with_table_function_list(
            table.filter(|function| names.contains(function.name())).collect::<Vec<_>>(),
        )
}

/// The engine's rules but one: the reader of the book says that it stops at a limit where it does not (delta-rs issue
/// 4037), and would give all rows.
fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let rules = PhysicalOptimizer::new().rules.into_iter();
    rules.filter(|rule| rule.name() != "LimitPushdown").collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_function_on_the_list_is_there() {
        let state = session_state().build();
        let mut known: BTreeSet<String> = state.scalar_functions().keys().cloned().collect();
        known.extend(state.aggregate_functions().keys().cloned());
        known.extend(state.window_functions().keys().cloned());
        known.extend(state.table_functions().keys().cloned());
        let listed = FUNCTIONS.iter().flat_map(|(_, names)| names.iter().copied());
        let missing: Vec<&str> = listed.filter(|name| !known.contains(*name)).collect();
        assert!(missing.is_empty(), "the engine has no {missing:?}");
    }

    #[test]
    fn what_makes_much_out_of_little_is_not() {
        let state = session_state().build();
        for name in ["repeat", "array_repeat", "generate_series", "range", "version", "array_resize"] {
            assert!(!state.scalar_functions().contains_key(name), "{name}");
        }
    }
}
