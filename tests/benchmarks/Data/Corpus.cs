using Microsoft.Data.Sqlite;

namespace Mcp.Benchmarks.Data;

/// <summary>A folder of data that every contender gets. Made from a seed: two runs, and two machines, have the same bytes (of the database: the same rows).</summary>
/// <param name="Name">One word, which is also the name of the service that holds it.</param>
/// <param name="Words">For a table.</param>
/// <param name="Folder">Where it lies.</param>
internal sealed record Corpus(string Name, string Words, string Folder)
{
    private const int Seed = 20_260_901;

    /// <summary>Bytes of all files.</summary>
    public long Bytes { get; private init; }

    /// <summary>How many files.</summary>
    public int Files { get; private init; }

    /// <summary>Many small files of text that compresses as a program's source does; a hundred to a folder.</summary>
    public static Corpus Sources(string folder, long bytes)
    {
        var text = new SourceText(Seed);
        var random = new Random(Seed);
        var (left, files, place) = (bytes, 0, "");
        var buffer = new byte[256 * 1024];
        for (; left > 0; files++)
        {
            if (files % 100 == 0)
                place = Directory.CreateDirectory(Path.Combine(folder, $"package{files / 2000}", $"module{files / 100}")).FullName;
            // Most files are small, a few are not: an exponential distribution around 9 KB.
            var size = (int)Math.Min(Math.Min(left, buffer.Length), 300 + (-9_000 * Math.Log(1 - random.NextDouble())));
            text.Fill(buffer.AsSpan(0, size));
            using var file = File.OpenHandle(Path.Combine(place, $"file{files}.src"), FileMode.CreateNew, FileAccess.Write);
            RandomAccess.Write(file, buffer.AsSpan(0, size), 0);
            left -= size;
        }
        return new("sources", "small files of source text", folder) { Bytes = bytes, Files = files };
    }

    /// <summary>A few large files that nothing compresses.</summary>
    public static Corpus Blobs(string folder, long bytes, string name = "blobs")
    {
        const int Each = 32 << 20;
        var random = new Random(Seed);
        var buffer = new byte[1 << 20];
        Directory.CreateDirectory(folder);
        var files = 0;
        for (var left = bytes; left > 0; files++)
        {
            using var file = File.Create(Path.Combine(folder, $"blob{files}.bin"));
            for (var inFile = 0; inFile < Each && left > 0;)
            {
                random.NextBytes(buffer);
                var size = (int)Math.Min(left, buffer.Length);
                file.Write(buffer, 0, size);
                (left, inFile) = (left - size, inFile + size);
            }
        }
        return new(name, "incompressible blobs", folder) { Bytes = bytes, Files = files };
    }

    /// <summary>One SQLite database with an index; its rows are half text, half noise.</summary>
    public static Corpus Database(string folder, long bytes)
    {
        const int RowBytes = 2_000;
        var text = new SourceText(Seed);
        var random = new Random(Seed);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "records.db");
        using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            connection.Open();
            Execute(connection, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE records(id INTEGER PRIMARY KEY, key TEXT NOT NULL, body TEXT NOT NULL, noise BLOB NOT NULL); BEGIN");
            using var insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO records(key, body, noise) VALUES($key, $body, $noise)";
            var (key, body, noise) = (insert.Parameters.Add("$key", SqliteType.Text), insert.Parameters.Add("$body", SqliteType.Text), insert.Parameters.Add("$noise", SqliteType.Blob));
            var (words, bits) = (new byte[RowBytes / 2], new byte[RowBytes / 2]);
            for (var left = bytes; left > 0; left -= RowBytes + 100)
            {
                text.Fill(words);
                random.NextBytes(bits);
                (key.Value, body.Value, noise.Value) = ($"{random.Next():x8}", System.Text.Encoding.ASCII.GetString(words), bits);
                insert.ExecuteNonQuery();
            }
            Execute(connection, "CREATE INDEX by_key ON records(key); COMMIT");
        }
        return new("database", "one SQLite database", folder) { Bytes = new FileInfo(path).Length, Files = 1 };
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
