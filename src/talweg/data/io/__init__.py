"""Reading tables. `read` takes a file, arrays or a data frame: `files` finds the bytes, `opening`
the encoding, `dialect` the delimiter and `layout` the columns below their `header`. `csv_file`
and `parquet` yield blocks of rows; `json_file`, `workbook` and `sources` give whole tables;
`foreign` names files that are no tables.
"""
