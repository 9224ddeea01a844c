using System.Formats.Tar;
using Google.Protobuf;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.V1;
using Microsoft.Data.Sqlite;
using ZstdSharp;

namespace Mcp.Tests.Confinement;

/// <summary>A service's folder, a staging folder, and exports by a real confined child, unpacked by somebody else's code.</summary>
internal sealed class ExportBench : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ExportBench()
    {
        Directory.CreateDirectory(_folder["srv"]);
        Directory.CreateDirectory(_folder["staging"]);
        Directory.CreateDirectory(Outside);
    }

    public string Outside => _folder["outside"];

    public string Folder => _folder["srv"];

    public string Staging => _folder["staging"];

    public string this[string name] => Path.Combine(_folder["srv"], name);

    /// <summary>Exports; the archive is unpacked into a new folder.</summary>
    public async Task<(StreamTrailer Trailer, string Unpacked)> ExportAsync(Action<ExportJob>? with = null)
    {
        var job = new ExportJob { Folder = Folder, Staging = Staging, Workers = 2, PatienceSeconds = 1 };
        with?.Invoke(job);
        var folders = new ConfinedFolders { Reading = [Folder], Writing = [Staging] };
        await using var child = await ConfinedChild.StartAsync(ConfinedProgram.Own, folders, new ConfinedJob { Export = job }, "archives", CancellationToken.None);
        using var archive = new MemoryStream();
        while (await child.NextAsync(CancellationToken.None) is { } frame)
            archive.Write(frame.Data.Span);
        var unpacked = _folder[$"unpacked-{Guid.NewGuid():N}"];
        Directory.CreateDirectory(unpacked);
        archive.Position = 0;
        using var tar = new MemoryStream();
        using (var zstd = new DecompressionStream(archive))
            zstd.CopyTo(tar);
        tar.Position = 0;
        TarFile.ExtractToDirectory(tar, unpacked, overwriteFiles: false);
        return (child.Result!.Export, unpacked);
    }

    public async Task<DataInspection> InspectAsync() =>
        (await ConfinedChild.RunAsync(ConfinedProgram.Own, new ConfinedFolders { Reading = [Folder] }, new ConfinedJob { Inspect = new InspectJob { Folder = Folder } }, "inspects", CancellationToken.None)).Inspect;

    /// <summary>A database with its connection, which keeps it open.</summary>
    public SqliteConnection Database(string name, string journal = "WAL")
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = this[name], Pooling = false, DefaultTimeout = 10 }.ToString());
        connection.Open();
        Execute(connection, $"PRAGMA journal_mode={journal}; PRAGMA synchronous=OFF; CREATE TABLE IF NOT EXISTS row(n INTEGER PRIMARY KEY, text TEXT NOT NULL)");
        return connection;
    }

    public static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public static string Scalar(string database, string sql)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>Rows of some size.</summary>
    public static void Fill(SqliteConnection connection, int rows, int size = 500) =>
        Execute(connection, $"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows}) INSERT INTO row(text) SELECT hex(randomblob({size / 2})) FROM c");

    public static string Name(ByteString path) => path.ToStringUtf8();

    public void Dispose() => _folder.Dispose();
}
