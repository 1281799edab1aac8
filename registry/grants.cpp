#include "registry/grants.hpp"

#include "registry/model_sql.hpp"

namespace farshore {

namespace {

/// Membership in the owner's role: CREATE TRIGGER would be content with less, but only the owner
/// may say that a trigger fires ALWAYS, also for rows that a subscription brings.
std::string ownership_sql(const model_declaration& model, const std::string& user) {
  const auto name = split_table(model.table);
  return "-- Table " + model.table +
         ": its triggers, and reading its rows. Whoever makes a trigger that fires always must own "
         "the table.\n"
         "GRANT USAGE ON SCHEMA " +
         identifier(name.schema) + " TO " + identifier(user) +
         ";\n"
         "DO $farshore$\n"
         "DECLARE one record;\n"
         "BEGIN\n"
         "  FOR one IN\n"
         "    SELECT DISTINCT o.rolname, o.rolsuper FROM pg_class c JOIN pg_roles o ON o.oid = "
         "c.relowner\n"
         "    WHERE c.oid = " +
         literal(identifier(name)) +
         "::regclass\n"
         "       OR c.oid IN (SELECT relid FROM pg_partition_tree(" +
         literal(identifier(name)) +
         "::regclass))\n"
         "  LOOP\n"
         "    IF pg_has_role(" +
         literal(user) +
         ", one.rolname, 'USAGE') THEN\n"
         "      CONTINUE;\n"
         "    ELSIF one.rolsuper THEN\n"
         "      RAISE EXCEPTION 'table % belongs to the superuser %: give it to another role, with "
         "ALTER TABLE … OWNER TO …', " +
         literal(model.table) +
         ", one.rolname;\n"
         "    END IF;\n"
         "    EXECUTE format('GRANT %I TO %I', one.rolname, " +
         literal(user) +
         ");\n"
         "  END LOOP;\n"
         "END $farshore$;\n";
}

} // namespace

std::string grants_sql(const config& settings, const std::string& user,
                       const std::string& database) {
  std::string out = "-- What Farshore needs at site " + settings.site_name +
                    ". Run it as a superuser in database " + identifier(database) +
                    "; it may be run again.\n"
                    "DO $farshore$\n"
                    "BEGIN\n"
                    "  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = " +
                    literal(user) +
                    ") THEN\n"
                    "    CREATE ROLE " +
                    identifier(user) +
                    " LOGIN;\n"
                    "  END IF;\n"
                    "END $farshore$;\n"
                    "ALTER ROLE " +
                    identifier(user) +
                    " LOGIN INHERIT;\n"
                    "-- Schema farshore.\n"
                    "GRANT CONNECT, CREATE ON DATABASE " +
                    identifier(database) + " TO " + identifier(user) + ";\n";
  if (settings.role == site_role::secondary)
    return out;
  out += "-- Which open transaction holds the event log back, whoever has it.\n"
         "GRANT pg_read_all_stats TO " +
         identifier(user) + ";\n";
  for (const auto& type : settings.types)
    if (type.model)
      out += ownership_sql(*type.model, user);
  return out;
}

} // namespace farshore
