using Mcp.Archive;
using Mcp.Files;
using Mcp.Text;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Snapshots;

/// <summary>
/// The databases of an archive, each taken out into a scratch folder, checked and removed before the next: a verification needs room for the largest
/// one, not for all.
/// </summary>
/// <param name="scratch">A folder of its own.</param>
/// <param name="room">What may be written there.</param>
/// <param name="check">What is wrong with a database file; null: nothing.</param>
internal sealed class DatabaseTrial(string scratch, StoreRoom room, Func<string, string?> check)
{
    // www.sqlite.org/fileformat.html, 1.3: the header is 100 bytes and begins with this.
    private static readonly byte[] Header = [.. "SQLite format 3\0"u8];

    private readonly byte[] _buffer = new byte[256 * 1024];

    /// <summary>Names of those that passed.</summary>
    public List<string> Passed { get; } = [];

    /// <summary>What is wrong with the first that did not; null: all passed.</summary>
    public string? Problem { get; private set; }

    /// <summary>Looks at one entry of the archive.</summary>
    public void Visit(ArchiveReader reader, ArchiveEntry entry)
    {
        if (entry.Kind != EntryKind.File || entry.Size < 100 || Problem is not null)
            return;
        var length = Fill(reader);
        if (!_buffer.AsSpan(0, length).StartsWith(Header))
            return;
        var name = PrintableBytes.Line(entry.Name, 300);
        room.Require(entry.Size);
        var file = Path.Combine(scratch, "database");
        try
        {
            using (var copy = new FileStream(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DurableFile.Secret }))
            {
                for (; length > 0; length = Fill(reader))
                    copy.Write(_buffer, 0, length);
            }
            Problem = check(file) is { } wrong ? $"{name}: {wrong}" : null;
        }
        finally
        {
            File.Delete(file);
        }
        if (Problem is null)
            Passed.Add(name);
    }

    /// <summary>Runs <c>integrity_check</c>; read-only, and nothing that the file's own schema names is run.</summary>
    /// <returns>What is wrong; null: nothing.</returns>
    public static string? Check(string file)
    {
        try
        {
            var text = new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ConnectionString;
            using var connection = new SqliteConnection(text);
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA integrity_check(3)";
            using var reader = command.ExecuteReader();
            var lines = new List<string>();
            while (reader.Read())
                lines.Add(Printable.Line(reader.GetString(0), 300));
            return lines is ["ok"] ? null : string.Join("; ", lines);
        }
        catch (SqliteException e)
        {
            return e.Message;
        }
    }

    private int Fill(ArchiveReader reader)
    {
        var length = 0;
        while (length < _buffer.Length && reader.Read(_buffer.AsSpan(length)) is var read and > 0)
            length += read;
        return length;
    }
}
