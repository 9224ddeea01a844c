using System.Globalization;
using System.Text;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.Hostile;
using Mcp.V1;

namespace Mcp.EndToEnd.Data;

/// <summary>
/// Every hostile archive into a real agent of the published file, as a master would send it, and (in the long run, or with <c>MCP_TABLE</c>) the same ones into
/// GNU tar, bsdtar and podman. packaging/hostile.sh writes the table of docs/hostile-archives.md.
/// </summary>
internal sealed class HostileImportTests
{
    private const string Volume = "11111111-2222-3333-4444-555555555555";

    /// <summary>Bytes of memory that a hostile archive may cost above what an idle process has.</summary>
    private const long MostMemory = 64 << 20;

    private static readonly string? Table = Environment.GetEnvironmentVariable("MCP_TABLE");

    [Test]
    public async Task Every_hostile_archive_is_refused_with_entry_and_rule_and_nothing_of_it_is_visible()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var master = new MastersVoice(fleet);
        var idle = Resident(fleet.Agent.ProcessId, "VmRSS");
        var before = Visible(fleet);
        var ours = new List<string>();
        foreach (var (archive, number) in HostileArchives.All.Select((a, n) => (a, n)))
        {
            var stored = fleet.PathOf("case.tar.zst");
            await File.WriteAllBytesAsync(stored, archive.Stored);
            var service = $"case{number:000}";
            var trailer = archive.Taken ? MastersVoice.TrailerOf(stored) : new StreamTrailer { Sha256 = "0", Bytes = 1, Entries = 1 };
            var first = new ImportServiceDataRequest
            {
                ServiceName = service,
                Epoch = 1,
                VolumeId = Volume,
                Spec = new ServiceSpec { Name = service, Active = true },
                AnnouncedBytes = (ulong)HostileArchives.MostBytes,
                AnnouncedEntries = (ulong)HostileArchives.MostEntries,
            };
            var fault = await FaultAsync(() => master.ImportAsync(first, stored, trailer: trailer));
            var folder = Path.Combine(fleet.DataRoot, service);
            if (archive.Taken)
            {
                await Assert.That(fault?.ToString()).IsNull().Because(archive.Name);
                var odd = (await Shell.RunAsync("find", [folder, "-perm", "/7000", "-o", "-type", "b", "-o", "-type", "c", "-o", "-type", "p"])).OrThrow();
                await Assert.That(odd.Output).IsEmpty().Because(archive.Name);
                // .NET, which empties the test's folder, cannot remove a name that is no UTF-8.
                (await Shell.RunAsync("rm", ["-rf", folder])).OrThrow();
                ours.Add("taken");
            }
            else
            {
                await Assert.That(fault?.Code).IsEqualTo(FaultCode.InvalidArgument).Because($"{archive.Name}: {fault}");
                await Assert.That(fault!.Message).Contains(archive.Rule).Because(archive.Name);
                await Assert.That(fault.Message.Contains("the entry ", StringComparison.Ordinal) || fault.Message.Contains("at its first entry", StringComparison.Ordinal)).IsTrue().Because(fault.Message);
                ours.Add("refused");
            }
            await Assert.That(Visible(fleet)).IsEquivalentTo(before).Because(archive.Name);
            await Assert.That(Path.Exists(HostileArchives.Far)).IsFalse().Because(archive.Name);
        }
        await Assert.That(Resident(fleet.Agent.ProcessId, "VmHWM") - idle).IsLessThan(MostMemory);
        if (Table is { Length: > 0 } || LongRun.Is)
            await TellAsync(ours, await PeersAsync());
    }

    [Test]
    public async Task No_hostile_archive_costs_the_confined_child_more_memory_than_it_may()
    {
        using var scratch = new TemporaryFolder();
        var idle = await PeakAsync(scratch, null);
        var (most, of) = (0L, "");
        // The others are as small as their kind allows; all of them in the long run.
        foreach (var archive in HostileArchives.All.Where(a => LongRun.Is || a.Name.StartsWith("bomb", StringComparison.Ordinal) || a.Name.StartsWith("window", StringComparison.Ordinal) || a.Rule.Contains("65536", StringComparison.Ordinal)))
        {
            if (await PeakAsync(scratch, archive) is var peak && peak > most)
                (most, of) = (peak, archive.Name);
        }
        Console.WriteLine($"peak of the confined child: {idle >> 10} KiB idle, {most >> 10} KiB at most ({of})");
        await Assert.That(most - idle).IsLessThan(MostMemory).Because(of);
    }

    // The peak resident memory of a confined child of the published file that takes the archive in, as its parent is told when it has ended.
    private static async Task<long> PeakAsync(TemporaryFolder scratch, HostileArchive? archive)
    {
        const string Measure = """
            import resource, subprocess, sys
            code = subprocess.call(sys.argv[2:])
            open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
            sys.exit(code)
            """;
        var (peak, folder) = (scratch.PathOf("peak"), scratch.PathOf("staging"));
        Directory.CreateDirectory(folder);
        File.Delete(peak);
        var program = new ConfinedProgram(PublishedBinary.Path, ["/usr/bin/python3", "-c", Measure, peak]);
        var job = archive is null
            ? new ConfinedJob { Inspect = new InspectJob { Folder = folder } }
            : new ConfinedJob { Import = new ImportJob { Folder = folder, MostBytes = HostileArchives.MostBytes, MostEntries = HostileArchives.MostEntries, Owners = true } };
        await using (var child = await ConfinedChild.StartAsync(program, new ConfinedFolders { Writing = [folder] }, job, "is measured", CancellationToken.None))
        {
            await FaultAsync(async () =>
            {
                foreach (var piece in (archive?.Stored ?? []).Chunk(Frames.Chunk))
                    await child.SendAsync(Google.Protobuf.ByteString.CopyFrom(piece), CancellationToken.None);
                if (archive is not null)
                    await child.EndAsync(new StreamTrailer { Sha256 = "0" }, CancellationToken.None);
                while (await child.NextAsync(CancellationToken.None) is not null)
                {
                }
                return true;
            });
            await Wait.UntilAsync("the child has ended", () => Task.FromResult(File.Exists(peak) && new FileInfo(peak).Length > 0));
        }
        (await Shell.RunAsync("rm", ["-rf", folder])).OrThrow();
        return 1024 * long.Parse(await File.ReadAllTextAsync(peak), CultureInfo.InvariantCulture);
    }

    // In a mount namespace of their own, where an escape harms nothing.
    private static async Task<Dictionary<(int Case, string Tool), string>> PeersAsync()
    {
        using var scratch = new TemporaryFolder();
        foreach (var (archive, number) in HostileArchives.All.Select((a, n) => (a, n)))
            await File.WriteAllBytesAsync(scratch.PathOf($"{number:000}.tar.zst"), archive.Stored);
        string[] limits = [HostileArchives.MostBytes.ToString(CultureInfo.InvariantCulture), HostileArchives.MostEntries.ToString(CultureInfo.InvariantCulture)];
        var told = (await Shell.RunAsync(
            "unshare", ["--mount", "/usr/bin/python3", Repository.PathOf("tests/e2e/Data/peers.py"), scratch.Path, .. limits, "tar", "bsdtar", "podman"],
            await TestPodman.EnvironmentAsync(), limit: TimeSpan.FromMinutes(20))).OrThrow();
        return told.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
            .ToDictionary(w => (int.Parse(w[0], CultureInfo.InvariantCulture), w[1]), w => w[2]);
    }

    private static async Task TellAsync(List<string> ours, Dictionary<(int Case, string Tool), string> peers)
    {
        string[] tools = ["tar", "bsdtar", "podman"];
        var table = new StringBuilder("| case | ours | GNU tar | bsdtar | podman volume import |\n|---|---|---|---|---|\n");
        foreach (var (archive, number) in HostileArchives.All.Select((a, n) => (a, n)))
            table.Append(CultureInfo.InvariantCulture, $"| {archive.Name} | {ours[number]} | {string.Join(" | ", tools.Select(t => peers[(number, t)]))} |\n");
        table.Append(CultureInfo.InvariantCulture, $"\n{ours.Count} cases. Of these\n\n");
        table.Append(CultureInfo.InvariantCulture, $"* ours: {ours.Count(o => o == "refused")} refused, {ours.Count(o => o == "taken")} taken and harmless, nothing else\n");
        foreach (var tool in tools)
        {
            var results = peers.Where(p => p.Key.Tool == tool).Select(p => p.Value).ToList();
            table.Append(CultureInfo.InvariantCulture, $"* {tool}: {string.Join(", ", results.GroupBy(r => r.Split(':')[0]).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {g.Key}"))}; ");
            table.Append(CultureInfo.InvariantCulture, $"harm in {results.Count(r => r.Contains(':', StringComparison.Ordinal) || r.StartsWith("ESCAPED", StringComparison.Ordinal) || r is "hung" or "crashed")} of them\n");
        }
        Console.WriteLine(table);
        if (Table is { Length: > 0 } path)
            await File.WriteAllTextAsync(path, table.ToString());
    }

    // Whatever is visible of the services' data, what is being received included.
    private static List<string> Visible(SplitFleet fleet) =>
        [.. Directory.EnumerateFileSystemEntries(fleet.DataRoot).Where(p => Path.GetFileName(p) != ".mcp"), .. new[] { ".mcp/staging", ".mcp/aside" }.Select(f => Path.Combine(fleet.DataRoot, f)).Where(Directory.Exists).SelectMany(Directory.EnumerateFileSystemEntries)];

    private static long Resident(int process, string what) =>
        1024 * long.Parse(File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(what, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);

    private static async Task<McpException?> FaultAsync<T>(Func<Task<T>> call)
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
}
