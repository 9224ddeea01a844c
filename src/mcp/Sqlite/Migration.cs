using System.Reflection;

namespace Mcp.Sqlite;

/// <summary>
/// One numbered step of a database's schema, applied in one transaction. Within a minor version migrations only add, so that the
/// previous program still reads the database after a put-back.
/// </summary>
/// <param name="Version">From 1, without gaps.</param>
/// <param name="Sql">The statements.</param>
/// <param name="MinReader">The lowest schema version that a program must know to work on a database with this migration.</param>
internal sealed record Migration(int Version, string Sql, int MinReader)
{
    /// <summary>Reads the statements from an embedded <c>schema….sql</c>, named by its path below <c>src/mcp</c>.</summary>
    public static Migration FromResource(int version, string resource, int minReader)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The schema {resource} is not embedded in this program.");
        using var reader = new StreamReader(stream);
        return new Migration(version, reader.ReadToEnd(), minReader);
    }
}
