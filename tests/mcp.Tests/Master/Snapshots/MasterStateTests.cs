using System.Diagnostics;
using Mcp.Archive;
using Mcp.Certificates;
using Mcp.Master;
using Mcp.Master.Identity;
using Mcp.Master.Snapshots;

namespace Mcp.Tests.Master.Snapshots;

/// <summary>The master's own state as an archive: whoever unpacks it has the fleet.</summary>
public class MasterStateTests
{
    [Test]
    public async Task GNU_tar_unpacks_a_database_that_opens_and_an_authority_that_signs()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var state = new MasterState(bench.Configuration, bench.Host.Parts.Database);
        var file = folder["2026-04-01T00:00:00Z.tar.zst"];
        var trailer = state.WriteFile(file, CancellationToken.None);

        await Assert.That(File.GetUnixFileMode(file)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await Assert.That(Directory.GetFiles(folder.Path)).IsEquivalentTo([file]);
        await Assert.That(Directory.GetFiles(bench.Configuration.Home, ".master.db.*")).IsEmpty();
        using (var stream = File.OpenRead(file))
        using (var zstd = new ZstdInput(stream))
        using (var digest = new DigestStream(zstd))
        {
            var reader = new ArchiveReader(digest, new ArchiveLimits());
            while (reader.Next() is not null)
            {
            }
            await Assert.That((digest.Sha256, (ulong)digest.Count, (ulong)reader.Entries)).IsEqualTo((trailer.Sha256, trailer.Bytes, trailer.Entries));
        }

        var home = Directory.CreateDirectory(folder["home"]).FullName;
        using (var tar = Process.Start(new ProcessStartInfo("tar", ["--zstd", "-xpf", file, "-C", home]))!)
        {
            await tar.WaitForExitAsync();
            await Assert.That(tar.ExitCode).IsEqualTo(0);
        }
        await Assert.That(File.Exists(Path.Combine(home, "mcp-master.toml"))).IsTrue();
        using var database = MasterDatabase.Open(Path.Combine(home, "master.db"), TimeProvider.System);
        await Assert.That(database.Read(FleetStore.Find)!.Domain).IsEqualTo(MasterBench.Domain);
        using var authority = FleetAuthority.Open(Path.Combine(home, "ca"), MasterBench.Domain, TimeProvider.System);
        await Assert.That(authority.RootSha256).IsEqualTo(bench.Host.Parts.Authority.RootSha256);
    }

    [Test]
    public async Task A_folder_that_cannot_be_written_keeps_what_was_there()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["backup.tar.zst"]);
        var fault = Assert.Throws<Mcp.Errors.McpException>(() => new MasterState(bench.Configuration, bench.Host.Parts.Database).WriteFile(folder["backup.tar.zst"], CancellationToken.None));
        await Assert.That(fault.Code).IsEqualTo(Mcp.Errors.FaultCode.ResourceExhausted);
        await Assert.That(Directory.GetFileSystemEntries(folder.Path).Length).IsEqualTo(1);
    }
}
