"""Reading tables. `read` takes a file, arrays or a data frame: `files` finds the bytes, `opening`
the format and the encoding, `csv_file` the delimiter and `layout` the header and the columns.
`csv_file` and `parquet` yield blocks of rows; `json_file`, `workbook` and `sources` return whole
tables. The module of a format is imported only for a file of that format.
"""
