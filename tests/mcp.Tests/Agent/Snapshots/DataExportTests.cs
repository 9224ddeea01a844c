using Mcp.Agent.Snapshots;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Tests.Agent.Importing;
using Mcp.V1;

namespace Mcp.Tests.Agent.Snapshots;

/// <summary>Whose data is exported, and what is said before, between and at the end of it.</summary>
public class DataExportTests
{
    [Test]
    public async Task What_is_not_current_here_is_refused_with_the_command_that_helps()
    {
        await using var bench = new ImportBench();
        var export = new DataExport(bench.Parts);
        await RefusedAsync(export, "notes", 0, FaultCode.NotFound, "mcp data list notes");
        await RefusedAsync(export, "mcp-master", 0, FaultCode.PermissionDenied, "mcp master backup");
        await RefusedAsync(export, "mcp-else", 0, FaultCode.InvalidArgument, null);

        bench.Parts.Data.Put("notes", ImportBench.Volume, 3, new ServiceSpec { Name = "notes" }, "o");
        await RefusedAsync(export, "notes", 3, FaultCode.FailedPrecondition, "findmnt");
        bench.Parts.Folders.Mark("notes", ImportBench.Volume, 3);
        await RefusedAsync(export, "notes", 2, FaultCode.FailedPrecondition, "mcp data list notes");
        await Assert.That((await ReadAsync(export, "notes", 3)).Trailer.Entries).IsEqualTo(1ul);
        bench.Parts.Data.Supersede("notes", "vega", 4);
        await RefusedAsync(export, "notes", 0, FaultCode.FailedPrecondition, "mcp data accept notes");
        await Assert.That(bench.Placed("staging")).IsEmpty();
    }

    [Test]
    public async Task Whoever_holds_the_service_is_waited_for_and_named_meanwhile()
    {
        await using var bench = new ImportBench();
        var export = new DataExport(bench.Parts);
        bench.Parts.Data.Put("notes", ImportBench.Volume, 1, new ServiceSpec { Name = "notes" }, "o");
        bench.Parts.Folders.Mark("notes", ImportBench.Volume, 1);
        var held = bench.Parts.Locks.TryAcquire(ServiceName.Parse("notes"), "deploy 7 of human/alice");
        await using var parts = export.RunAsync(new ExportServiceDataRequest { ServiceName = "notes" }, "master/mcp-master", CancellationToken.None).GetAsyncEnumerator();
        await Assert.That(await parts.MoveNextAsync()).IsTrue();
        await Assert.That(parts.Current.Progress.Phase).IsEqualTo("waiting for deploy 7 of human/alice");
        held!.Dispose();
        ExportServiceDataResponse last;
        do
        {
            last = parts.Current;
        }
        while (await parts.MoveNextAsync());
        await Assert.That(last.Trailer.Sha256.Length).IsEqualTo(64);
        await Assert.That(bench.Parts.Locks.HolderOf(ServiceName.Parse("notes"))).IsNull();
    }

    [Test]
    public async Task The_agents_own_state_goes_without_keys_and_a_proxy_that_is_not_there_is_an_empty_trailer()
    {
        await using var bench = new ImportBench();
        await File.WriteAllTextAsync(bench.PathOf("mcp-agent.toml"), "[node]");
        await File.WriteAllTextAsync(bench.PathOf("auth.json"), "{}");
        var export = new DataExport(bench.Parts);
        var (data, trailer) = await ReadAsync(export, OwnState.Agent, 0);
        await Assert.That(trailer.Databases.Select(d => d.Path.ToStringUtf8())).IsEquivalentTo(["mcp.db"]);
        // The folder, the registry, the configuration: neither owner.key nor auth.json.
        await Assert.That((trailer.Entries, data > 0, trailer.Partial)).IsEqualTo((3ul, true, false));
        var (nothing, empty) = await ReadAsync(export, OwnState.Proxy, 0);
        await Assert.That((nothing, empty)).IsEqualTo((0L, new StreamTrailer()));
        await Assert.That(bench.Placed("staging")).IsEmpty();
    }

    [Test]
    public async Task A_caller_who_leaves_ends_the_child_and_leaves_nothing_in_staging()
    {
        await using var bench = new ImportBench();
        bench.Parts.Data.Put("notes", ImportBench.Volume, 1, new ServiceSpec { Name = "notes", Snapshot = new SnapshotConfig { Method = "full" } }, "o");
        bench.Parts.Folders.Mark("notes", ImportBench.Volume, 1);
        await using (var file = File.Create(bench.DataOf("notes", "large")))
        {
            for (var i = 0; i < 64; i++)
                file.Write(System.Security.Cryptography.RandomNumberGenerator.GetBytes(1_000_000));
        }
        using var cancel = new CancellationTokenSource();
        await Assert.That(async () =>
        {
            await foreach (var part in new DataExport(bench.Parts).RunAsync(new ExportServiceDataRequest { ServiceName = "notes" }, "master/mcp-master", cancel.Token))
            {
                if (part.PartCase == ExportServiceDataResponse.PartOneofCase.Data)
                    await cancel.CancelAsync();
            }
        }).Throws<OperationCanceledException>();
        await Assert.That(bench.Placed("staging")).IsEmpty();
        await Assert.That(bench.Parts.Locks.HolderOf(ServiceName.Parse("notes"))).IsNull();
    }

    private static async Task<(long Data, StreamTrailer Trailer)> ReadAsync(DataExport export, string service, ulong epoch)
    {
        var data = 0L;
        StreamTrailer? trailer = null;
        await foreach (var part in export.RunAsync(new ExportServiceDataRequest { ServiceName = service, Epoch = epoch }, "master/mcp-master", CancellationToken.None))
        {
            data += part.Data.Length;
            trailer = part.Trailer ?? trailer;
        }
        return (data, trailer!);
    }

    private static async Task RefusedAsync(DataExport export, string service, ulong epoch, FaultCode code, string? hint)
    {
        var refused = await Assert.That(async () => await ReadAsync(export, service, epoch)).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(code);
        if (hint is not null)
            await Assert.That(refused.Hint).Contains(hint);
    }
}
