using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.EndToEnd.Data;

/// <summary>Imports into a real agent, called as the master calls it, with archives that GNU tar made.</summary>
internal sealed class ImportTests
{
    private const string Volume = "11111111-2222-3333-4444-555555555555";

    [Test]
    public async Task A_tree_of_every_kind_comes_back_equal_and_what_stands_in_the_way_is_refused()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var master = new MastersVoice(fleet);
        var service = fleet.Unique("kinds");
        await MakeTreeAsync(fleet.PathOf("tree"));
        var stored = await PackAsync(fleet, "tree");

        var answer = await master.ImportAsync(First(service, 1), stored);
        await Assert.That((answer.Aside, answer.Record.Epoch)).IsEqualTo(("", 1ul));
        await Assert.That(await DigestAsync(Path.Combine(fleet.DataRoot, service))).IsEqualTo(await DigestAsync(fleet.PathOf("tree")));
        var holes = (await Shell.RunAsync("stat", ["-c", "%b", Path.Combine(fleet.DataRoot, service, "holes")])).OrThrow();
        await Assert.That(long.Parse(holes.Output.Trim(), System.Globalization.CultureInfo.InvariantCulture)).IsLessThan(1000);
        await BothWaysAsync(fleet, master, service);
        // .NET, which empties the test's folder, cannot remove a name that is no UTF-8.
        (await Shell.RunAsync("rm", ["-rf", Path.Combine(fleet.DataRoot, service)])).OrThrow();

        // A mount point, a folder with one in it, a link: nothing is even begun.
        var small = await SmallAsync(fleet, "small", "content");
        foreach (var (name, mount) in new[] { ("mounted", "mounted"), ("inside", "inside/deep") })
        {
            var folder = Path.Combine(fleet.DataRoot, mount);
            Directory.CreateDirectory(folder);
            (await Shell.RunAsync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder])).OrThrow();
            try
            {
                var fault = await RefusedAsync(() => master.ImportAsync(First(name, 1, force: true), small));
                await Assert.That((fault.Code, fault.Message.Contains("mount point", StringComparison.Ordinal))).IsEqualTo((FaultCode.FailedPrecondition, true));
            }
            finally
            {
                await Shell.RunAsync("umount", [folder]);
            }
        }
        Directory.CreateSymbolicLink(Path.Combine(fleet.DataRoot, "linked"), fleet.PathOf("tree"));
        await RefusedAsync(() => master.ImportAsync(First("linked", 1, force: true), small));
        await Assert.That(Staged(fleet)).IsEmpty();
        (await Shell.RunAsync("rm", ["-rf", fleet.PathOf("tree")])).OrThrow();
    }

    [Test]
    public async Task A_running_service_is_in_the_way_and_a_stopped_one_starts_on_what_came()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var master = new MastersVoice(fleet);
        var service = fleet.Unique("web");
        var definition = fleet.Define(service, Web(service));
        (await fleet.RunAsync("deploy", service, "-f", definition)).OrThrow();
        var small = await SmallAsync(fleet, "small", "restored");
        var fault = await RefusedAsync(() => master.ImportAsync(First(service, 2, force: true), small));
        await Assert.That((fault.Code, fault.Hint)).IsEqualTo((FaultCode.FailedPrecondition, $"mcp stop {service}"));
        (await fleet.RunAsync("stop", service)).OrThrow();
        var record = (await master.Agent.ListDataAsync(new ListDataRequest(), master.Operation())).Records.Single(r => r.Service == service);
        var first = First(service, record.Epoch, force: true);
        (first.VolumeId, first.Spec) = (record.VolumeId, record.Spec);
        var answer = await master.ImportAsync(first, small, "restore-0001");
        await Assert.That(Directory.Exists(answer.Aside)).IsTrue();
        (await fleet.RunAsync("start", service)).OrThrow();
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.DataRoot, service, "data/content"))).IsEqualTo("restored");

        // What lies aside is shown, and purged alone.
        var shown = (await fleet.RunAsync("data", "list", "--direct", "--json")).OrThrow();
        await Assert.That(shown.Output).Contains(answer.Aside);
        (await fleet.RunAsync("data", "purge", service, "--state", "aside", "--confirm", service)).OrThrow();
        await Assert.That(Directory.Exists(answer.Aside)).IsFalse();
        await Assert.That(File.Exists(Path.Combine(fleet.DataRoot, service, "data/content"))).IsTrue();
        var late = await RefusedAsync(async () => await master.Agent.RevertImportAsync(new RevertImportRequest { Service = service, ImportOperation = "restore-0001" }, master.Operation()));
        await Assert.That(late.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    [Test]
    public async Task A_disk_that_fills_up_leaves_nothing_behind()
    {
        await using var fleet = await SplitFleet.StartAsync(dataDisk: "96m");
        using var master = new MastersVoice(fleet);
        var service = fleet.Unique("full");
        await master.ImportAsync(First(service, 1), await SmallAsync(fleet, "small", "old"));
        // Forty thousand files of one byte: little content, and more blocks than there are.
        Directory.CreateDirectory(fleet.PathOf("many"));
        (await Shell.RunAsync("sh", ["-c", "seq 1 40000 | split -l 1 -a 4 - \"$1/f\"", "sh", fleet.PathOf("many")])).OrThrow();
        var fault = await RefusedAsync(async () => await master.ImportAsync(First(service, 2, force: true), await PackAsync(fleet, "many")));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.ResourceExhausted);
        await Assert.That(Staged(fleet)).IsEmpty();
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.DataRoot, service, "data/content"))).IsEqualTo("old");
        // And the node goes on.
        await master.ImportAsync(First(service, 2, force: true), await SmallAsync(fleet, "next", "new"));
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.DataRoot, service, "data/content"))).IsEqualTo("new");
    }

    [Test]
    public async Task An_agent_killed_while_an_archive_comes_has_nothing_of_it_when_it_is_back()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var master = new MastersVoice(fleet);
        var service = fleet.Unique("cut");
        await master.ImportAsync(First(service, 1), await SmallAsync(fleet, "small", "old"));
        Directory.CreateDirectory(fleet.PathOf("large"));
        (await Shell.RunAsync("dd", ["if=/dev/urandom", $"of={fleet.PathOf("large/blob")}", "bs=1M", "count=24"])).OrThrow();
        var stored = await PackAsync(fleet, "large");
        var fault = await RefusedAsync(() => master.ImportAsync(First(service, 2, force: true), stored, "import-0001", async piece =>
        {
            if (piece != 40)
                return;
            await Wait.UntilAsync("something lies in staging", () => Task.FromResult(Staged(fleet).Length > 0));
            fleet.Agent.KillNow();
            await fleet.Agent.EndedAsync();
        }));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.Unavailable);
        fleet.Agent.Start();
        await Wait.UntilAsync("the agent is back and staging empty", async () => Staged(fleet).Length == 0
            && await RefusedOrNotAsync(async () => await master.Agent.NodeStatusAsync(new NodeStatusRequest(), master.Operation())) is null);
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.DataRoot, service, "data/content"))).IsEqualTo("old");
        var outcome = await master.Agent.GetOperationAsync(new GetOperationRequest { Operation = "import-0001" }, master.Operation());
        await Assert.That((outcome.Known, outcome.Operation.State)).IsEqualTo((true, "put-back"));
        await master.ImportAsync(First(service, 2, force: true), stored);
        await Assert.That(new FileInfo(Path.Combine(fleet.DataRoot, service, "blob")).Length).IsEqualTo(24L << 20);
    }

    [Test]
    public async Task An_agent_killed_at_any_durable_call_of_an_import_has_the_old_data_or_the_new_and_never_both()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var master = new MastersVoice(fleet);
        var service = fleet.Unique("swap");
        var archives = new[] { await SmallAsync(fleet, "even", "even"), await SmallAsync(fleet, "odd", "odd") };
        await master.ImportAsync(First(service, 2), archives[0]);
        var (epoch, random) = (2ul, new Random(LongRun.Seed));
        // As many points as an import has, about; the long run goes on until one is not reached.
        var points = LongRun.Is ? Enumerable.Range(1, 500) : [.. Enumerable.Range(0, 4).Select(_ => random.Next(1, 27))];
        foreach (var k in points)
        {
            var point = await CrashPoint.AttachAsync(fleet.Agent, k);
            var importing = RefusedOrNotAsync(() => master.ImportAsync(First(service, epoch + 1, force: true), archives[(epoch + 1) % 2], $"import-{epoch:0000}-{k}"));
            await Task.WhenAny(importing, point.Killed);
            await point.DisposeAsync();
            var because = $"killed at point {k}, {point.Last} (MCP_SEED={LongRun.Seed})";
            var killed = point.HasKilled;
            if (killed)
                fleet.Agent.Start();
            await importing;
            var state = "";
            await Wait.UntilAsync("the agent is back and the operation is over", async () =>
            {
                // The master takes a while to call it healthy again; its own voice need not wait.
                if (await RefusedOrNotAsync(async () => await master.Agent.NodeStatusAsync(new NodeStatusRequest(), master.Operation())) is not null)
                    return false;
                var outcome = await master.Agent.GetOperationAsync(new GetOperationRequest { Operation = $"import-{epoch:0000}-{k}" }, master.Operation());
                state = outcome.Known ? outcome.Operation.State : "never";
                return state != "running";
            }, TimeSpan.FromMinutes(1), () => Task.FromResult(because + fleet.Agent.Printed));
            await Wait.UntilAsync("staging is empty", () => Task.FromResult(Staged(fleet).Length == 0), otherwise: () => Task.FromResult(because));
            if (state == "succeeded")
                epoch++;
            await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.DataRoot, service, "data/content"))).IsEqualTo(epoch % 2 == 0 ? "even" : "odd").Because($"{because}: {state}");
            var records = (await master.Agent.ListDataAsync(new ListDataRequest(), master.Operation())).Records.Where(r => r.Service == service).ToList();
            await Assert.That(records.Where(r => r.State == "current").Select(r => r.Epoch)).IsEquivalentTo([epoch]).Because(because);
            await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.DataRoot, service, ".mcp-owner"))).Contains($"epoch {epoch}\n").Because(because);
            await Assert.That(records.Where(r => r.State == "aside").Select(r => r.Epoch)).IsEquivalentTo(Enumerable.Range(2, (int)epoch - 2).Select(e => (ulong)e)).Because(because);
            if (!killed)
                break;
        }
    }

    // What the agent exports, GNU tar and bsdtar restore to the same; what bsdtar packs, the agent takes in.
    private static async Task BothWaysAsync(SplitFleet fleet, MastersVoice master, string service)
    {
        var (exported, packed) = (fleet.PathOf("exported.tar.zst"), fleet.PathOf("bsdtar.tar.zst"));
        var expected = await DigestAsync(fleet.PathOf("tree"));
        await master.ExportAsync(service, exported);
        foreach (var command in new[] { "tar --zstd --xattrs --xattrs-include=user.* --numeric-owner -xpf", "bsdtar --numeric-owner -xpf" })
        {
            var folder = fleet.PathOf($"by-{command.Split(' ')[0]}");
            Directory.CreateDirectory(folder);
            (await Shell.RunAsync("sh", ["-c", $"{command} \"$1\" -C \"$2\"", "sh", exported, folder])).OrThrow();
            // bsdtar leaves the time of a folder that is there already.
            (await Shell.RunAsync("touch", ["-r", fleet.PathOf("tree"), folder])).OrThrow();
            await Assert.That(await DigestAsync(folder)).IsEqualTo(expected).Because(command);
            (await Shell.RunAsync("rm", ["-rf", folder])).OrThrow();
        }
        // Without its sparse entries, which nobody but the tars reads; and with the checksum of a stream, which it leaves out.
        (await Shell.RunAsync("bash", ["-c", "set -o pipefail; bsdtar --format=pax --no-read-sparse --numeric-owner -C \"$1\" -cf - . | zstd -q -c > \"$2\"", "bash", fleet.PathOf("tree"), packed])).OrThrow();
        await master.ImportAsync(First("by-bsdtar", 1), packed);
        await Assert.That(await DigestAsync(Path.Combine(fleet.DataRoot, "by-bsdtar"))).IsEqualTo(expected);
        (await Shell.RunAsync("rm", ["-rf", Path.Combine(fleet.DataRoot, "by-bsdtar")])).OrThrow();
    }

    private static ImportServiceDataRequest First(string service, ulong epoch, bool force = false) =>
        new() { ServiceName = service, Epoch = epoch, VolumeId = Volume, Force = force, Spec = new ServiceSpec { Name = service, Active = true } };

    private static string[] Staged(SplitFleet fleet) => Directory.Exists(Path.Combine(fleet.DataRoot, ".mcp/staging")) ? Directory.GetFileSystemEntries(Path.Combine(fleet.DataRoot, ".mcp/staging")) : [];

    private static async Task<McpException> RefusedAsync(Func<Task> call) =>
        await RefusedOrNotAsync(call) ?? throw new InvalidOperationException("it was not refused");

    private static async Task<McpException?> RefusedOrNotAsync(Func<Task> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (McpException e)
        {
            return e;
        }
    }

    // A folder of the fleet as GNU tar and zstd store it.
    private static async Task<string> PackAsync(SplitFleet fleet, string folder)
    {
        var stored = fleet.PathOf($"{folder}.tar.zst");
        (await Shell.RunAsync("tar", ["--zstd", "--format=pax", "--xattrs", "--xattrs-include=user.*", "--numeric-owner", "-C", fleet.PathOf(folder), "-cf", stored, "."])).OrThrow();
        return stored;
    }

    private static async Task<string> SmallAsync(SplitFleet fleet, string name, string content)
    {
        Directory.CreateDirectory(fleet.PathOf($"{name}/data"));
        await File.WriteAllTextAsync(fleet.PathOf($"{name}/data/content"), content);
        return await PackAsync(fleet, name);
    }

    // A fraction of a second before 1970 is left to the library's tests: bsdtar and GNU tar write and read it differently (by a second).
    private static async Task MakeTreeAsync(string tree) => (await Shell.RunAsync("bash", ["-c", """
        set -eu; mkdir -p "$1/empty" "$1/deep/er/still"; cd "$1"
        printf 'content\n' > plain; : > nothing; head -c 300000 /dev/urandom > deep/er/binary
        printf x > "deep/"$'line\nfeed \e[31m'; printf x > $'\xff\xfex'; printf x > "$(printf 'l%.0s' $(seq 200))"
        ln -s ../../plain deep/er/link; ln -s nowhere dangling; ln plain deep/hard
        truncate -s 8M holes; printf middle | dd of=holes bs=1 seek=3000001 conv=notrunc status=none
        setfattr -n user.note -v 0x000102ff plain 2>/dev/null || python3 -c 'import os; os.setxattr("plain", "user.note", bytes([0, 1, 2, 255]))'
        chown 1234:4321 plain; chown 3000000:3000001 nothing; chown -h 77:88 dangling; chmod 640 plain; chmod 777 empty; chmod 500 deep/er/still
        touch -d '1999-12-31 23:59:59.123456789 UTC' plain; touch -d '1969-07-20 20:17:40 UTC' nothing; touch -h -d '2001-02-03 04:05:06.7 UTC' dangling
        touch -d '2026-02-03 04:05:06.000000007 UTC' empty; touch -d '2001-02-03 04:05:06.7 UTC' .
        """, "bash", tree])).OrThrow();

    // Everything that an archive of GNU tar holds of a tree, the marker apart.
    private static async Task<string> DigestAsync(string tree) => (await Shell.RunAsync("bash", ["-c",
        "set -euo pipefail; tar --format=pax --pax-option=delete=atime,delete=ctime --xattrs --xattrs-include='user.*' --numeric-owner --sort=name --exclude=./.mcp-owner -C \"$1\" -cf - . | sha256sum", "bash", tree])).OrThrow().Output;

    private static string Web(string service) => $$"""
        name = "{{service}}"

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        cmd     = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
        volumes = ["/srv/{{service}}/data:/data"]
        """;
}
