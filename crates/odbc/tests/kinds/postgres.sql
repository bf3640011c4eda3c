CREATE TABLE kinds (
  id integer NOT NULL, small smallint, big bigint, exact numeric(30,10), free numeric, single real, double double precision,
  truth boolean, day date, clock time, clock_there timetz, local timestamp, moment timestamptz, bytes bytea, letters varchar(20),
  padded char(4), long text, ident uuid, document jsonb, list integer[], span interval
);
INSERT INTO kinds VALUES (1, -32768, 9223372036854775807, 12345678901234567890.0123456789, 0.1234567890123456789012345678901234567890,
  0.1, 0.1, true, '2024-02-29', '23:59:59.123456', '10:00:00+02', '2026-03-29 02:30:00.000001', '2026-03-29 02:30:00.000001+02',
  '\x00ff10', 'Kübel 🚜', 'ab', E'line one\nline two', '0195d8a0-0000-7000-8000-000000000001', '{"a": 1}', '{1,NULL,3}',
  '1 day 02:03:04');
INSERT INTO kinds (id) VALUES (2);
CREATE TABLE wide (id integer, long text);
INSERT INTO wide VALUES (1, repeat('x', 60000)), (2, repeat('ü', 60000)), (3, repeat('y', 200000))
