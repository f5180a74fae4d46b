-- The orders of the refund desk. Every dialog starts from a database of its own, made of this.
CREATE TABLE orders (
    order_number TEXT PRIMARY KEY,
    customer     TEXT NOT NULL,
    item         TEXT NOT NULL,
    euros        INTEGER NOT NULL,
    status       TEXT NOT NULL,              -- delivered, in transit, delayed, cancelled
    final_sale   INTEGER NOT NULL DEFAULT 0, -- 1: no money back
    city         TEXT NOT NULL,
    eta          TEXT                        -- the day it comes, as far as that is known
);
CREATE TABLE refunds (
    order_number TEXT PRIMARY KEY REFERENCES orders,
    euros        INTEGER NOT NULL
);
INSERT INTO orders VALUES
    ('B4821', 'Riley Tran',  'red kettle',     59,  'delivered',  0, 'Lima',   NULL),
    ('70493', 'Kofi Mensah', 'blue lamp',      34,  'in transit', 0, 'Madrid', 'Tuesday'),
    ('T5207', 'Lucia Costa', 'green backpack', 80,  'delivered',  1, 'Oslo',   NULL),
    ('81356', 'Omar Diaz',   'black keyboard', 120, 'delivered',  0, 'Cairo',  NULL),
    ('X2940', 'Hana Ito',    'white vase',     45,  'delivered',  0, 'Dublin', NULL),
    ('63178', 'Mark Olsen',  'grey jacket',    95,  'delayed',    0, 'Tokyo',  'Friday');
INSERT INTO refunds VALUES ('X2940', 45);
