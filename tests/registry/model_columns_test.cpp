// Verification in columns of the model's own table.

#include "registry/model_columns.hpp"
#include "tests/registry/checksum_fixture.hpp"

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

class columns_fixture : public checksum_fixture {
public:
  void ready_in_columns(const std::string& key = "id", const std::string& table = "widgets",
                        const std::string& name = "widget") {
    auto type = make_type(name, table, key);
    type.verification = verification_place::columns;
    ready({type});
  }
  void migrate(const std::string& table = "widgets", const std::string& key = "id") {
    const auto model = *make_type("x", table, key).model;
    migration_patience patience;
    patience.sleep = [](std::chrono::milliseconds) {};
    must(add_columns(db.url(), must(missing_columns(db.url(), model)), patience));
    CHECK(must(missing_columns(db.url(), model)).empty());
  }
  void write() {
    while (must(store->tend(100)))
      ;
  }
  std::string model(const std::string& id, const std::string& what,
                    const std::string& table = "widgets", const std::string& key = "id") {
    return db.query_value("SELECT " + what + " FROM " + table + " WHERE " + key + " = " + id);
  }
};

} // namespace

TEST_CASE_METHOD(columns_fixture, "the columns are the reference's", "[columns]") {
  migrate();
  CHECK(
      db.query_value("SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ', '"
                     " ORDER BY ordinal_position) FROM information_schema.columns"
                     " WHERE table_name = 'widgets' AND column_name LIKE 'verif%'") ==
      "verification_state smallint NO,"
      " verification_started_at timestamp with time zone YES,"
      " verification_retry_at timestamp with time zone YES,"
      " verified_at timestamp with time zone YES, verification_retry_count smallint YES,"
      " verification_checksum bytea YES, verification_failure text YES");
  CHECK(db.query_value("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes"
                       " WHERE tablename = 'widgets' AND indexname LIKE 'index%'") ==
        "index_widgets_failed_verification index_widgets_needs_verification"
        " index_widgets_pending_verification index_widgets_verification_state");
  CHECK_THROWS(db.exec("INSERT INTO widgets (id, verification_failure) VALUES"
                       " (1, repeat('x', 256))"));
  db.exec("INSERT INTO widgets (id, verification_failure) VALUES (1, repeat('ü', 255))");
}

TEST_CASE_METHOD(columns_fixture, "a table that is not there is said to be so", "[columns]") {
  const auto missing = missing_columns(db.url(), *make_type("x", "gadgets").model);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ec::not_found);
}

TEST_CASE_METHOD(columns_fixture, "columns that are not there hold nothing else up, and are named",
                 "[columns]") {
  ready_in_columns();
  db.exec("INSERT INTO widgets VALUES (1, 'p')");
  settle();
  CHECK(verify_all(1) == 1);
  write();
  CHECK_THAT(counts_of("widget").columns_trouble, Catch::Contains("farshore migrate-model widget"));
  const auto generation = status("widget").generation;
  migrate();
  write();
  CHECK(counts_of("widget").columns_trouble.empty());
  CHECK(model("1", "verification_state") == "2");
  CHECK(status("widget").generation == generation);
}

TEST_CASE_METHOD(columns_fixture, "what Farshore writes is no event, what others do is",
                 "[columns]") {
  migrate();
  ready_in_columns();
  db.exec("INSERT INTO widgets (id, path) SELECT n, 'p' FROM generate_series(1, 10) AS n");
  settle();
  // The application's own trigger, which touches another row of the table, and another table.
  db.exec("CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
          "  IF NEW.id = 3 THEN UPDATE widgets SET path = 'touched' WHERE id = 9; END IF;"
          "  RETURN NULL; END $$;"
          "CREATE TRIGGER touch AFTER UPDATE OF verification_state ON widgets FOR EACH ROW"
          " EXECUTE FUNCTION touch()");
  write();
  CHECK(verify_all(4) == 10);
  const auto before = newest();
  write();
  CHECK(db.query_value("SELECT count(*) FROM widgets WHERE verification_state = 2") == "10");
  CHECK(newest() == before + 1);
  CHECK(db.query_value("SELECT operation || ' ' || record_id FROM farshore.event_log"
                       " ORDER BY id DESC LIMIT 1") == "2 9");
  // The mark ends with its transaction.
  db.exec("UPDATE widgets SET path = 'q' WHERE id = 1");
  CHECK(newest() == before + 2);
  settle();
  write();
  CHECK(model("1", "verification_state") == "0");
  CHECK(model("1", "verification_checksum") == "NULL");
}

TEST_CASE_METHOD(columns_fixture, "rows that the application holds are written later",
                 "[columns]") {
  migrate();
  ready_in_columns();
  db.exec("INSERT INTO widgets (id, path) VALUES (1, 'p'), (2, 'p')");
  settle();
  CHECK(verify_all(4) == 2);
  pqxx::connection session{db.url()};
  {
    pqxx::work writer{session};
    writer.exec("SELECT FROM widgets WHERE id = 1 FOR UPDATE");
    write();
    CHECK(model("1", "verification_state") == "0");
    CHECK(model("2", "verification_state") == "2");
  }
  write();
  CHECK(model("1", "verification_state") == "2");
  CHECK(model("1", "verification_checksum = decode(repeat('04', 32), 'hex')") == "t");
}

TEST_CASE_METHOD(columns_fixture, "rows with keys of text, and of partitions", "[columns]") {
  SECTION("text") {
    migrate("notes", "name");
    ready_in_columns("name", "notes", "note");
    db.exec("INSERT INTO notes VALUES ('a', 'a')");
    settle();
    CHECK(verify_all(4, "note") == 1);
    const auto before = newest();
    write();
    CHECK(model("'a'", "verification_state", "notes", "name") == "2");
    CHECK(newest() == before);
  }
  SECTION("partitions") {
    db.exec("CREATE TABLE parts (id bigint PRIMARY KEY, path text) PARTITION BY RANGE (id);"
            "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)");
    migrate("parts");
    ready_in_columns("id", "parts");
    db.exec("INSERT INTO parts VALUES (1, 'a')");
    settle();
    CHECK(verify_all(4) == 1);
    const auto before = newest();
    write();
    CHECK(model("1", "verification_state", "parts") == "2");
    CHECK(newest() == before);
  }
}

TEST_CASE_METHOD(columns_fixture, "what was verified before is written once columns are wanted",
                 "[columns]") {
  ready_widgets(250);
  CHECK(verify_all(4) == 250);
  migrate();
  settle();
  types[0].verification = verification_place::columns;
  const auto generation = status("widget").generation;
  write();
  CHECK(db.query_value("SELECT count(*) FROM widgets WHERE verification_state = 2") == "250");
  CHECK(generation == 1);
}

TEST_CASE_METHOD(columns_fixture, "triggers of a former version learn of the mark in place",
                 "[columns]") {
  ready_widgets(1);
  db.exec("CREATE OR REPLACE FUNCTION farshore.log_widget_upd() RETURNS trigger LANGUAGE plpgsql"
          " AS 'BEGIN RETURN NULL; END'");
  CHECK(status("widget").generation == 1);
  CHECK(db.query_value("SELECT prosrc LIKE '%farshore.own_write%' FROM pg_proc"
                       " WHERE proname = 'log_widget_upd'") == "t");
}
