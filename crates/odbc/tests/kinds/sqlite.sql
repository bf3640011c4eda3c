CREATE TABLE kinds (
  id integer NOT NULL, big bigint, wrong integer, exact decimal(30,10), double double, truth boolean, day date, clock time, local timestamp,
  bytes blob, letters varchar(3), long text
);
INSERT INTO kinds VALUES (1, 9223372036854775807, 'twelve', '1234567.25', 0.1, 1, '2024-02-29', '23:59:59.123', '2026-03-29 02:30:00.001',
  x'00ff10', CAST(x'4bc3bc62656c20f09f9a9c' AS text), 'line one' || char(10) || 'line two');
INSERT INTO kinds (id) VALUES (2);
CREATE TABLE wide (id integer, long text);
INSERT INTO wide VALUES (1, replace(hex(zeroblob(30000)), '0', 'x')), (2, replace(hex(zeroblob(30000)), '0', CAST(x'c3bc' AS text))),
  (3, replace(hex(zeroblob(100000)), '0', 'y'))
