-- The demo's table, and the same in heap to compare sizes with.
CREATE EXTENSION proximadb;

CREATE TABLE packages (
	id           bigint PRIMARY KEY,
	package      text NOT NULL,
	version      text,
	section      text,
	summary      text,
	tags         text,
	homepage     text,
	installed_kb integer,
	embedding    vector(384)
) USING viper;
CREATE INDEX packages_section_idx ON packages (section);

CREATE TABLE packages_heap (LIKE packages INCLUDING INDEXES);
