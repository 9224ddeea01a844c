using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Tests.Agent.Importing;

/// <summary>
/// A change of the data folder that is killed behind any of its renames and finished by the next process; and the ways back. The states on the disk
/// are made by hand as a kill would leave them, the rest is what the agent's start does.
/// </summary>
internal sealed class FolderSwapTests
{
    [Test]
    [Arguments(0)]
    [Arguments(1)]
    [Arguments(2)]
    [Arguments(3)]
    public async Task An_import_over_data_that_was_killed_behind_its_nth_step_is_finished(int steps)
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"), ImportBench.First(epoch: 3));
        var row = await StagedAsync(bench, "import", epoch: 4);
        using (var root = FolderHandle.Open(bench.DataRoot))
        using (var own = root.TryOpenFolder(".mcp")!)
        using (var staging = own.TryOpenFolder("staging")!)
        using (var aside = own.EnsureFolder("aside", 0b111_000_000).Folder)
        {
            if (steps > 0)
                staging.Move(NameOf(row.Incoming), aside, NameOf(row.Outgoing));
            if (steps > 1)
                aside.Exchange(NameOf(row.Outgoing), root, "notes");
        }
        if (steps > 2)
            Record(bench, row);
        await bench.RestartAsync();

        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "b"))).IsEqualTo("new");
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(bench.Placed("aside").Single(), "a"))).IsEqualTo("old");
        await Assert.That(bench.Placed("staging")).IsEmpty();
        await Assert.That(bench.Parts.Data.Find("notes")!.Epoch).IsEqualTo(4ul);
        await Assert.That(bench.Parts.Folders.Observe("notes").Marker!.Epoch).IsEqualTo(4ul);
        var operation = bench.Parts.Operations.Find(row.Operation)!;
        await Assert.That((operation.State, ImportServiceDataResponse.Parser.ParseFrom(operation.Result!).Aside)).IsEqualTo(("succeeded", bench.Placed("aside").Single()));
    }

    [Test]
    [Arguments(0)]
    [Arguments(1)]
    public async Task An_import_where_nothing_was_is_finished_too(int steps)
    {
        await using var bench = new ImportBench();
        var row = await StagedAsync(bench, "import", epoch: 4);
        if (steps > 0)
            Directory.Move(Path.Combine(bench.DataRoot, ".mcp", row.Incoming), bench.DataOf("notes"));
        await bench.RestartAsync();
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "b"))).IsEqualTo("new");
        await Assert.That(bench.Parts.Data.Find("notes")!.Epoch).IsEqualTo(4ul);
        await Assert.That(bench.Placed("staging").Concat(bench.Placed("aside"))).IsEmpty();
    }

    [Test]
    public async Task An_import_that_was_killed_before_it_was_complete_is_undone_and_its_operation_says_so()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"), ImportBench.First(epoch: 3));
        var row = await StagedAsync(bench, "import", epoch: 4, SwapPhase.Preparing);
        await bench.RestartAsync();
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("old");
        await Assert.That(bench.Placed("staging").Concat(bench.Placed("aside"))).IsEmpty();
        await Assert.That((bench.Parts.Data.Find("notes")!.Epoch, bench.Parts.Operations.Find(row.Operation)!.State)).IsEqualTo((3ul, "put-back"));
    }

    [Test]
    public async Task What_an_earlier_run_left_in_staging_is_erased_at_the_start_and_what_lies_aside_is_not()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"));
        bench.Parts.Folders.MoveAside("notes");
        foreach (var name in new[] { "notes-20260401T000000Z-abc123", "db-copy.tmp", "notes-20260401T000000Z-abc123.part" })
        {
            Directory.CreateDirectory(Path.Combine(bench.DataRoot, ".mcp/staging", name, "deep"));
            await File.WriteAllTextAsync(Path.Combine(bench.DataRoot, ".mcp/staging", name, "deep/x"), "x");
        }
        await File.WriteAllTextAsync(Path.Combine(bench.DataRoot, ".mcp/staging/file"), "x");
        bench.Parts.Data.Remove("notes");
        await bench.RestartAsync();
        await Assert.That(bench.Placed("staging")).IsEmpty();
        await Assert.That(bench.Placed("aside").Length).IsEqualTo(1);
    }

    [Test]
    public async Task A_revert_gives_back_what_was_there_and_erases_what_came()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"), ImportBench.First(epoch: 3));
        bench.Parts.Data.Supersede("notes", "vega", 5);
        await bench.ImportAsync(ImportBench.OneFile("./b", "new"), ImportBench.First(epoch: 6, force: true), "import-0001");
        var answer = await RevertAsync(bench, "import-0001");
        await Assert.That((answer.Reverted, answer.Record.Epoch)).IsEqualTo((true, 3ul));
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("old");
        var row = bench.Parts.Data.Find("notes")!;
        await Assert.That((row.State, row.SupersededNode, row.SupersededEpoch)).IsEqualTo(("superseded", "vega", 5ul));
        await Assert.That(bench.Placed("staging").Concat(bench.Placed("aside"))).IsEmpty();
        // Again, and of an import that never was: nothing to do, and no error.
        await Assert.That((await RevertAsync(bench, "import-0001")).Reverted).IsFalse();
        await Assert.That((await RevertAsync(bench, "import-0002")).Reverted).IsFalse();
    }

    [Test]
    public async Task A_revert_where_nothing_was_leaves_nothing_and_one_of_other_data_is_refused()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "new"), id: "import-0001");
        await Assert.That((await RevertAsync(bench, "import-0001")).Reverted).IsTrue();
        await Assert.That(Directory.Exists(bench.DataOf("notes"))).IsFalse();
        await Assert.That(bench.Parts.Data.Find("notes")).IsNull();
        await Assert.That(bench.Placed("staging").Concat(bench.Placed("aside"))).IsEmpty();

        await bench.ImportAsync(ImportBench.OneFile("./a", "second"), id: "import-0002");
        await bench.ImportAsync(ImportBench.OneFile("./a", "third"), ImportBench.First(epoch: 2, force: true), "import-0003");
        await Assert.That(async () => await RevertAsync(bench, "import-0002")).Throws<McpException>();
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("third");
    }

    [Test]
    public async Task The_import_that_is_the_data_is_remembered_however_many_operations_follow_and_without_it_a_revert_is_refused()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"), ImportBench.First(epoch: 3));
        await bench.ImportAsync(ImportBench.OneFile("./b", "new"), ImportBench.First(epoch: 4, force: true), "import-0001");
        bench.Parts.Database.Write(c => c.Execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
            INSERT INTO operations(id, kind, service, principal, request_key, direct, request, state, started) SELECT printf('later-%05d', i), 'start', 'wiki', 'x', 'x', 0, x'', 'succeeded', '2999-01-01T00:00:00Z' FROM n
            """));
        bench.Parts.Operations.Begin(OperationId.Parse("later-00000"), "start", "wiki", "human/x", "key", direct: false, []);
        await Assert.That(bench.Parts.Operations.Find(OperationId.Parse("later-00001")) is null || bench.Parts.Operations.Find(OperationId.Parse("later-03000")) is null).IsTrue().Because("old ones go");
        await Assert.That((await RevertAsync(bench, "import-0001")).Reverted).IsTrue();

        await bench.ImportAsync(ImportBench.OneFile("./b", "new"), ImportBench.First(epoch: 5, force: true), "import-0002");
        bench.Parts.Database.Write(c => c.Execute("DELETE FROM operations WHERE id = 'import-0002'"));
        var refused = await Assert.ThrowsAsync<McpException>(async () => await RevertAsync(bench, "import-0002"));
        await Assert.That(refused!.Message).Contains("does not remember any more what was there before");
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "b"))).IsEqualTo("new");
    }

    [Test]
    [Arguments(0)]
    [Arguments(1)]
    [Arguments(2)]
    public async Task A_revert_that_was_killed_behind_its_nth_step_is_finished(int steps)
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"), ImportBench.First(epoch: 3));
        await bench.ImportAsync(ImportBench.OneFile("./b", "new"), ImportBench.First(epoch: 4, force: true), "import-0001");
        var done = bench.Parts.Swaps.Find(OperationId.Parse("import-0001"))!;
        var id = OperationId.Parse("revert-0001");
        var request = new RevertImportRequest { Service = "notes", ImportOperation = "import-0001" };
        bench.Parts.Operations.Begin(id, "revert-import", "notes", "master/mcp-master", "key", direct: false, Google.Protobuf.MessageExtensions.ToByteArray(request));
        var row = new SwapRow
        {
            Operation = id,
            Service = "notes",
            Phase = SwapPhase.Placing,
            Incoming = done.Outgoing,
            IncomingInode = bench.Parts.Folders.InodeOf(DataFolders.Aside, NameOf(done.Outgoing))!.Value,
            Outgoing = "staging/" + bench.Parts.Folders.NewName("notes"),
            VolumeId = ImportBench.Volume,
            Epoch = 3,
            Spec = done.Spec,
            Before = bench.Parts.Data.Find("notes"),
        };
        bench.Parts.Swaps.Put(row);
        using (var root = FolderHandle.Open(bench.DataRoot))
        using (var aside = bench.Parts.Folders.OpenPlace(DataFolders.Aside))
        using (var staging = bench.Parts.Folders.OpenPlace(DataFolders.Staging))
        {
            if (steps > 0)
                aside.Exchange(NameOf(row.Incoming), root, "notes");
            if (steps > 1)
                aside.Move(NameOf(row.Incoming), staging, NameOf(row.Outgoing));
        }
        await bench.RestartAsync();
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("old");
        await Assert.That((bench.Parts.Data.Find("notes")!.Epoch, bench.Parts.Operations.Find(id)!.State)).IsEqualTo((3ul, "succeeded"));
        await Assert.That(bench.Placed("staging").Concat(bench.Placed("aside"))).IsEmpty();
        await Assert.That((await RevertAsync(bench, "import-0001")).Reverted).IsFalse();
    }

    [Test]
    [Arguments(false)]
    [Arguments(true)]
    public async Task Data_goes_aside_and_comes_back_in_a_new_epoch(bool killed)
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "content"), ImportBench.First(epoch: 3));
        async Task RestartAsync()
        {
            if (killed)
                await bench.RestartAsync();
        }
        await Assert.That(async () => await AsideAsync(bench, epoch: 2)).Throws<McpException>();
        await Assert.That(File.Exists(bench.DataOf("notes", "a"))).IsTrue();
        var set = await AsideAsync(bench, epoch: 3);
        await RestartAsync();
        await Assert.That(Directory.Exists(bench.DataOf("notes"))).IsFalse();
        await Assert.That(bench.Parts.Data.Find("notes")).IsNull();
        var copy = bench.Parts.Folders.PlacedIn(DataFolders.Aside).Single();
        await Assert.That((copy.Path, copy.Marker!.VolumeId, copy.Marker.Epoch)).IsEqualTo((set.Path, ImportBench.Volume, 3ul));
        var again = await AsideAsync(bench, epoch: 3);
        await Assert.That((again.AlreadyDone, again.Path)).IsEqualTo((true, set.Path));

        await Assert.That(async () => await BackAsync(bench, epoch: 3, to: 3)).Throws<McpException>();
        await Assert.That(async () => await BackAsync(bench, epoch: 2, to: 9)).Throws<McpException>();
        var back = await BackAsync(bench, epoch: 3, to: 5);
        await RestartAsync();
        await Assert.That((back.Epoch, back.VolumeId)).IsEqualTo((5ul, ImportBench.Volume));
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("content");
        await Assert.That(bench.Parts.Folders.Observe("notes").Marker!.Epoch).IsEqualTo(5ul);
        await Assert.That(bench.Placed("aside")).IsEmpty();
        await Assert.That((await BackAsync(bench, epoch: 3, to: 5)).Epoch).IsEqualTo(5ul);
    }

    [Test]
    [Arguments(0)]
    [Arguments(1)]
    public async Task Setting_aside_that_was_killed_is_finished(int steps)
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "content"), ImportBench.First(epoch: 3));
        var id = OperationId.Parse("aside-0001");
        bench.Parts.Operations.Begin(id, "set-aside", "notes", "master/mcp-master", "key", direct: false, []);
        var row = new SwapRow { Operation = id, Service = "notes", Phase = SwapPhase.Placing, Incoming = "", Outgoing = "aside/" + bench.Parts.Folders.NewName("notes"), Before = bench.Parts.Data.Find("notes") };
        bench.Parts.Swaps.Put(row);
        if (steps > 0)
        {
            using var root = FolderHandle.Open(bench.DataRoot);
            using var aside = bench.Parts.Folders.OpenPlace(DataFolders.Aside);
            root.Move("notes", aside, NameOf(row.Outgoing));
        }
        await bench.RestartAsync();
        await Assert.That((bench.Parts.Data.Find("notes"), bench.Parts.Operations.Find(id)!.State)).IsEqualTo((null, "succeeded"));
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(bench.Placed("aside").Single(), "a"))).IsEqualTo("content");
    }

    [Test]
    [Arguments(0)]
    [Arguments(1)]
    [Arguments(2)]
    [Arguments(3)]
    public async Task Taking_back_over_other_data_that_was_killed_is_finished(int steps)
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "kept"), ImportBench.First(epoch: 3));
        await AsideAsync(bench, epoch: 3);
        await bench.ImportAsync(ImportBench.OneFile("./b", "other"), ImportBench.First(epoch: 4));
        var id = OperationId.Parse("back-0001");
        bench.Parts.Operations.Begin(id, "take-back", "notes", "master/mcp-master", "key", direct: false, []);
        var copy = bench.Parts.Folders.PlacedIn(DataFolders.Aside).Single();
        var row = new SwapRow
        {
            Operation = id,
            Service = "notes",
            Phase = SwapPhase.Placing,
            Incoming = copy.Reference,
            IncomingInode = bench.Parts.Folders.InodeOf(DataFolders.Aside, copy.Name)!.Value,
            Outgoing = "aside/" + bench.Parts.Folders.NewName("notes"),
            VolumeId = ImportBench.Volume,
            Epoch = 5,
            Spec = new ServiceSpec { Name = "notes" },
            Before = bench.Parts.Data.Find("notes"),
        };
        bench.Parts.Swaps.Put(row);
        using (var root = FolderHandle.Open(bench.DataRoot))
        using (var aside = bench.Parts.Folders.OpenPlace(DataFolders.Aside))
        {
            if (steps > 0)
                aside.Exchange(copy.Name, root, "notes");
            if (steps > 1)
                aside.Move(copy.Name, aside, NameOf(row.Outgoing));
        }
        if (steps > 2)
            bench.Parts.Folders.Mark("notes", ImportBench.Volume, 5);
        await bench.RestartAsync();
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("kept");
        await Assert.That((bench.Parts.Data.Find("notes")!.Epoch, bench.Parts.Folders.Observe("notes").Marker!.Epoch)).IsEqualTo((5ul, 5ul));
        var other = bench.Parts.Folders.PlacedIn(DataFolders.Aside).Single();
        await Assert.That((other.Name, other.Marker!.Epoch)).IsEqualTo((NameOf(row.Outgoing), 4ul));
    }

    private static Task<RevertImportResponse> RevertAsync(ImportBench bench, string import) =>
        bench.Agent.Data.RevertAsync(ImportBench.Asker(), new RevertImportRequest { Service = "notes", ImportOperation = import }, CancellationToken.None);

    private static Task<SetDataAsideResponse> AsideAsync(ImportBench bench, ulong epoch)
    {
        bench.Agent.Journal.Open();
        return bench.Agent.Data.SetAsideAsync(ImportBench.Asker(), new SetDataAsideRequest { Service = "notes", VolumeId = ImportBench.Volume, Epoch = epoch }, CancellationToken.None);
    }

    private static Task<DataRecord> BackAsync(ImportBench bench, ulong epoch, ulong to) =>
        bench.Agent.Data.TakeBackAsync(ImportBench.Asker(), new TakeBackDataRequest { Service = "notes", VolumeId = ImportBench.Volume, Epoch = epoch, NewEpoch = to }, CancellationToken.None);

    // What a process had done when it was killed after its commit: a complete, marked tree in staging, and the row.
    private static async Task<SwapRow> StagedAsync(ImportBench bench, string kind, ulong epoch, SwapPhase phase = SwapPhase.Placing)
    {
        var id = OperationId.New(TimeProvider.System);
        bench.Parts.Operations.Begin(id, kind, "notes", "master/mcp-master", "key", direct: false, []);
        var name = bench.Parts.Folders.NewName("notes");
        var folder = bench.Parts.Folders.MakePlaced(DataFolders.Staging, name);
        await File.WriteAllTextAsync(Path.Combine(folder, "b"), "new");
        await File.WriteAllBytesAsync(Path.Combine(folder, OwnerMarker.FileName), new OwnerMarker("notes", ImportBench.Volume, epoch).Write(bench.Parts.Key.Bytes));
        var row = new SwapRow
        {
            Operation = id,
            Service = "notes",
            Phase = phase,
            Incoming = $"staging/{name}",
            IncomingInode = bench.Parts.Folders.InodeOf(DataFolders.Staging, name)!.Value,
            Outgoing = Directory.Exists(bench.DataOf("notes")) ? "aside/" + bench.Parts.Folders.NewName("notes") : "",
            Bytes = 3,
            VolumeId = ImportBench.Volume,
            Epoch = epoch,
            Spec = new ServiceSpec { Name = "notes" },
            Before = bench.Parts.Data.Find("notes"),
        };
        bench.Parts.Swaps.Put(row);
        return row;
    }

    private static void Record(ImportBench bench, SwapRow row) => bench.Parts.Database.Write(connection =>
    {
        DataStore.Write(connection, new DataRow(row.Service, row.VolumeId, row.Epoch, "current", "", 0, row.Spec, row.Operation.Value, "2026-04-01T00:00:00.000Z"));
        SwapStore.SetPhase(connection, row.Operation, SwapPhase.Placed);
    });

    private static string NameOf(string reference) => reference[(reference.IndexOf('/') + 1)..];
}
