CREATE TABLE kinds (
  id integer NOT NULL, small smallint, big bigint, exact decimal(30,10), natural_number bigint unsigned, single float, double_number double,
  truth boolean, bits bit(8), day date, clock time(6), local datetime(6), moment timestamp(6) NULL, bytes varbinary(20), big_bytes longblob,
  letters varchar(20), padded char(4), long_text longtext, document json, choice enum('a','b'), age year, lasting time
);
INSERT INTO kinds VALUES (1, -32768, 9223372036854775807, 12345678901234567890.0123456789, 18446744073709551615, 0.1, 0.1, true, b'10000001',
  '2024-02-29', '23:59:59.123456', '2026-03-29 02:30:00.000001', '2026-03-29 00:30:00.000001', x'00ff10', x'00ff10', 'Kübel 🚜', 'ab',
  'line one\nline two', '{"a": 1}', 'b', 2026, '-838:59:59');
INSERT INTO kinds (id) VALUES (2);
CREATE TABLE wide (id integer, long_text longtext);
INSERT INTO wide VALUES (1, repeat('x', 60000)), (2, repeat('ü', 60000)), (3, repeat('y', 200000))
