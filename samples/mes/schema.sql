CREATE TABLE equipment (
  -- Machines and the places they stand in, by the levels of ISA-95
  id VARCHAR(20) NOT NULL PRIMARY KEY, -- Number on the machine
  parent_id VARCHAR(20), -- The place or machine that it belongs to
  level VARCHAR(20) NOT NULL, -- site, area, work_center or work_unit
  name VARCHAR(80) NOT NULL, -- What people call it
  origin VARCHAR(10) NOT NULL, -- nist: recorded; generated: made up for the demo
  FOREIGN KEY (parent_id) REFERENCES equipment (id)
);

CREATE TABLE work_orders (
  -- Orders for maintenance, as they were written down
  id INTEGER NOT NULL PRIMARY KEY, -- Number of the order
  equipment_id VARCHAR(20) NOT NULL, -- The machine
  opened_on DATE NOT NULL, -- Planned start
  order_type VARCHAR(4) NOT NULL, -- PM01 corrective; other codes of the maintenance plan
  short_text VARCHAR(80) NOT NULL, -- As typed, with abbreviations and slips
  cost DECIMAL(12,2) NOT NULL, -- In the currency of the site
  origin VARCHAR(10) NOT NULL, -- nist: recorded; generated: made up for the demo
  FOREIGN KEY (equipment_id) REFERENCES equipment (id)
);

CREATE TABLE operations (
  -- Steps of a work order
  work_order_id INTEGER NOT NULL, -- The order
  step INTEGER NOT NULL, -- Place in the order, from 10 in tens
  description VARCHAR(80) NOT NULL, -- What is done
  planned_hours DECIMAL(6,2) NOT NULL, -- Hours of one person
  origin VARCHAR(10) NOT NULL, -- nist: recorded; generated: made up for the demo
  PRIMARY KEY (work_order_id, step),
  FOREIGN KEY (work_order_id) REFERENCES work_orders (id)
);

CREATE TABLE downtime_reasons (
  -- Why machines stand still
  code VARCHAR(10) NOT NULL PRIMARY KEY, -- Short code
  description VARCHAR(80) NOT NULL, -- What it means
  planned INTEGER NOT NULL, -- 1 if the stop was planned
  UNIQUE (description)
);

CREATE TABLE downtime_events (
  -- Times when a machine stood still
  id INTEGER NOT NULL PRIMARY KEY, -- Number of the event
  equipment_id VARCHAR(20) NOT NULL, -- The machine
  work_order_id INTEGER, -- The order that ended it
  reason_code VARCHAR(10) NOT NULL, -- Why
  started_at TIMESTAMP NOT NULL, -- In UTC
  minutes INTEGER NOT NULL, -- How long
  origin VARCHAR(10) NOT NULL, -- nist: recorded; generated: made up for the demo
  FOREIGN KEY (equipment_id) REFERENCES equipment (id),
  FOREIGN KEY (work_order_id) REFERENCES work_orders (id),
  FOREIGN KEY (reason_code) REFERENCES downtime_reasons (code)
);

CREATE TABLE material_lots (
  -- Lots of spare parts and consumables
  id VARCHAR(20) NOT NULL PRIMARY KEY, -- Number of the lot
  material VARCHAR(80) NOT NULL, -- What it is
  quantity DECIMAL(12,3) NOT NULL, -- How much is left
  unit VARCHAR(10) NOT NULL, -- pcs, l or kg
  received_on DATE NOT NULL, -- When it came
  origin VARCHAR(10) NOT NULL -- nist: recorded; generated: made up for the demo
);

CREATE TABLE measurements (
  -- What sensors of the machines measured
  equipment_id VARCHAR(20) NOT NULL, -- The machine
  quantity VARCHAR(40) NOT NULL, -- What was measured
  measured_at TIMESTAMP NOT NULL, -- In UTC
  reading DECIMAL(10,3) NOT NULL, -- The value
  unit VARCHAR(10) NOT NULL, -- Of the value: degC or bar
  origin VARCHAR(10) NOT NULL, -- nist: recorded; generated: made up for the demo
  PRIMARY KEY (equipment_id, quantity, measured_at),
  FOREIGN KEY (equipment_id) REFERENCES equipment (id)
);

CREATE VIEW downtime_by_reason AS
  -- Minutes that each machine stood still, by reason
  SELECT e.equipment_id, e.reason_code, r.description AS reason, COUNT(*) AS events, SUM(e.minutes) AS minutes
  FROM downtime_events e JOIN downtime_reasons r ON r.code = e.reason_code
  GROUP BY e.equipment_id, e.reason_code, r.description;

CREATE VIEW work_order_costs AS
  -- Number and cost of work orders of each machine
  SELECT w.equipment_id, w.order_type, COUNT(*) AS orders, SUM(w.cost) AS cost
  FROM work_orders w
  GROUP BY w.equipment_id, w.order_type;
