using System.Security.Cryptography;
using Mcp.Master.Reading;
using Mcp.Master.Snapshots;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Tests.Master.Snapshots;

/// <summary>A real master with one agent and one deployed service whose archive is known.</summary>
internal static class SnapshotBench
{
    public static async Task<(MasterBench Bench, FakeAgent Agent)> StartAsync(params (string Name, byte[] Content)[] files)
    {
        var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        agent.Archives["notes"] = FakeArchive.Of(files.Length > 0 ? files : [("notes.toml", "a = 1\n"u8.ToArray()), ("blob", RandomNumberGenerator.GetBytes(100_000))]);
        return (bench, agent);
    }

    public static async Task<CreateSnapshotResponse> CreateAsync(this MasterBench bench, string? id = null) =>
        await bench.Admin.CreateSnapshotAsync(new CreateSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation(id));

    public static string FolderOf(this MasterBench bench, string service = "notes") => Path.Combine(bench.Configuration.Snapshots.Folder, service);

    public static string[] Files(this MasterBench bench) =>
        Directory.Exists(bench.FolderOf()) ? [.. Directory.GetFiles(bench.FolderOf()).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)] : [];

    public static List<SnapshotRow> Rows(this MasterBench bench) => bench.Host.Parts.Database.Read(c => SnapshotStore.All(c, "notes"));

    public static List<FleetEvent> Events(this MasterBench bench, string kind) =>
        [.. bench.Host.Parts.Database.Read(c => EventStore.After(c, 0, new EventsRequest(), 1000)).Where(e => e.Kind == kind)];

    /// <summary>A database file, and one with a torn page.</summary>
    public static (byte[] Good, byte[] Torn) Databases()
    {
        using var folder = new TemporaryFolder();
        var file = folder["x.db"];
        using (var connection = new SqliteConnection($"Data Source={file};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE t(a TEXT); CREATE INDEX i ON t(a); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) INSERT INTO t SELECT hex(randomblob(40)) FROM n";
            command.ExecuteNonQuery();
        }
        var good = File.ReadAllBytes(file);
        var torn = good.ToArray();
        torn.AsSpan(4096 * 3, 4096).Fill(0x5a);
        return (good, torn);
    }

    public static void FlipBit(string file, long at)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = at;
        var old = stream.ReadByte();
        stream.Position = at;
        stream.WriteByte((byte)(old ^ 1));
    }
}
