using System.Text;
using Mcp.Archive;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Native;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Toml;

namespace Mcp.Master.Recovery;

/// <summary>What the operator is shown of a master that was put back.</summary>
/// <param name="ConfigurationFile">What <c>mcp master run</c> reads.</param>
/// <param name="Fleet">The fleet, at its new address and in its new term.</param>
/// <param name="Awaited">The nodes that it will hear before it changes anything.</param>
/// <param name="Services">Placements that it knows of.</param>
/// <param name="LastEvent">When the copy was made at the earliest: the newest thing that it knows of; null: nothing ever happened.</param>
/// <param name="Listen">Where the configuration says that it listens.</param>
/// <param name="SetAside">What an earlier, unfinished try or init had left in the way.</param>
internal sealed record RestoredMaster(
    string ConfigurationFile, FleetRow Fleet, IReadOnlyList<string> Awaited, int Services, DateTimeOffset? LastEvent, IReadOnlyList<string> Listen, IReadOnlyList<string> SetAside);

/// <summary>
/// Makes this machine the master of a fleet whose master is lost, from a file of <c>mcp master backup</c>. Killed at any line, running it again
/// succeeds, because the file that says "here is a fleet" is written last:
/// 1 the archive is extracted to a staging folder in the home, by the rules for hostile archives; 2 there the database and the authority are
///   proven to be whole and of one fleet; 3 there the term is raised and every node that ever joined is to be heard first, in one transaction;
/// 4 authority, database and root bundle move to their places; what lies there already goes aside, nothing is removed; 5 the configuration.
/// </summary>
internal static class MasterRestore
{
    private const string Staging = ".restore";

    /// <summary>Restores.</summary>
    /// <param name="archive">The file.</param>
    /// <param name="home">The folder that the master gets; there must be no fleet in it.</param>
    /// <param name="address">host:port at which nodes and operators reach the new master; null: as before.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancellation">Ends it; what was written so far is in nobody's way.</param>
    /// <exception cref="McpException">AlreadyExists: there is a fleet; FailedPrecondition: the file is no backup, or damaged; or the disk refused.</exception>
    public static RestoredMaster Run(string archive, string home, string? address, TimeProvider clock, CancellationToken cancellation)
    {
        home = Path.GetFullPath(home);
        var marker = MasterInit.FileIn(home);
        if (File.Exists(marker))
        {
            throw new McpException(FaultCode.AlreadyExists, $"there is a fleet in {home} already ({marker})")
            {
                State = "nothing was changed",
                Hint = $"start it: mcp master run; or restore beside it: mcp master restore {archive} --home <another folder>",
            };
        }
        if (address is not null && !NodeAddress.TryParse(address, out _, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the address '{Printable.Line(address, 256)}' {problem}") { Hint = $"--address <ip>:{MasterConfiguration.DefaultPort}" };
        SecretFile.EnsureFolder(home);
        var staging = Path.Combine(home, Staging);
        if (Directory.Exists(staging))
            Directory.Delete(staging, recursive: true);
        try
        {
            // 1
            Extract(archive, staging, cancellation);
            // 2, 3
            var (fleet, awaited, services, last) = Prepare(archive, staging, address, clock);
            var text = ConfigurationText(staging, home, fleet, out var configuration);
            // 4
            var aside = new List<string>();
            var stamp = clock.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", System.Globalization.CultureInfo.InvariantCulture);
            Place(Path.Combine(staging, MasterState.AuthorityEntry), configuration.CaFolder, stamp, aside);
            foreach (var log in new[] { "-wal", "-shm" })
                SetAside(configuration.Database + log, stamp, aside);
            Place(Path.Combine(staging, MasterState.DatabaseEntry), configuration.Database, stamp, aside);
            SetAside(configuration.TlsCertificate, stamp, aside);
            SecretFile.EnsureFolder(Path.GetDirectoryName(configuration.CaCertificate)!);
            using (var authority = FleetAuthority.Open(configuration.CaFolder, fleet.Domain, clock))
                DurableFile.Write(configuration.CaCertificate, authority.Bundle.ToPem(), DurableFile.Public);
            DurableFile.SyncFolder(home);
            // 5
            DurableFile.Write(marker, Encoding.UTF8.GetBytes(text), DurableFile.Secret);
            return new RestoredMaster(marker, fleet, awaited, services, last, configuration.Listen, aside);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PathFault)
        {
            throw new McpException(FaultCode.ResourceExhausted, $"{archive} could not be restored to {home}", e)
            {
                Cause = e.Message,
                State = "there is no fleet there yet; the same command begins anew",
                Hint = $"df -h {home}; ls -ld {home} {archive}",
            };
        }
        finally
        {
            if (Directory.Exists(staging))
                Directory.Delete(staging, recursive: true);
        }
    }

    private static void Extract(string archive, string staging, CancellationToken cancellation)
    {
        using var file = new FileStream(archive, FileMode.Open, FileAccess.Read, FileShare.Read);
        Directory.CreateDirectory(staging, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var free = new DriveInfo(staging).AvailableFreeSpace;
        using var target = Folder.Open(staging);
        using var tar = new ZstdInput(file);
        try
        {
            new TreeImport(target, owners: false).Run(new ArchiveReader(tar, new ArchiveLimits { Bytes = free / 10 * 9, Entries = 10_000 }), cancellation);
        }
        catch (ArchiveException e)
        {
            throw NoBackup(archive, e.Message, e);
        }
    }

    private static (FleetRow Fleet, IReadOnlyList<string> Awaited, int Services, DateTimeOffset? Last) Prepare(string archive, string staging, string? address, TimeProvider clock)
    {
        var path = Path.Combine(staging, MasterState.DatabaseEntry);
        var ca = Path.Combine(staging, MasterState.AuthorityEntry);
        if (!File.Exists(path) || !FleetAuthority.Exists(ca))
            throw NoBackup(archive, $"it holds no {(File.Exists(path) ? $"{MasterState.AuthorityEntry}/" : MasterState.DatabaseEntry)}");
        File.SetUnixFileMode(path, DurableFile.Secret);
        using var database = MasterDatabase.Open(path, clock);
        if (database.Read(c => c.Scalar<string>("PRAGMA integrity_check(1)")) is var verdict && verdict != "ok")
            throw NoBackup(archive, $"its database is damaged: {verdict}");
        var fleet = database.Read(FleetStore.Find) ?? throw NoBackup(archive, "its database knows no fleet");
        using (var authority = FleetAuthority.Open(ca, fleet.Domain, clock))
        {
            if (authority.RootSha256 != fleet.RootSha256)
                throw NoBackup(archive, "its authority is of another fleet than its database");
        }
        return database.Write(c =>
        {
            var last = c.Scalar<string?>("SELECT max(at) FROM (SELECT max(at) AS at FROM events UNION ALL SELECT max(at) FROM audit)");
            RecoveryStore.Begin(c, Timestamp.Now(clock));
            FleetStore.Rename(c, fleet.Name, fleet.Zone, address ?? fleet.Address);
            return (FleetStore.Find(c)!, (IReadOnlyList<string>)RecoveryStore.Awaited(c), PlacementStore.All(c).Count, last is null ? null : Timestamp.Read(last));
        });
    }

    // The operator's own configuration, with the new address; where it names places outside of the home, those of the old machine, it is
    // written anew and the old one kept beside it.
    private static string ConfigurationText(string staging, string home, FleetRow fleet, out MasterConfiguration configuration)
    {
        var kept = Path.Combine(staging, MasterState.ConfigurationEntry);
        var marker = MasterInit.FileIn(home);
        var fallback = MasterConfiguration.At(home, fleet.Name, fleet.Domain, fleet.Address) with { Zone = fleet.Zone };
        if (File.Exists(kept))
        {
            var text = File.ReadAllText(kept);
            var before = MasterConfigurationReader.Read(marker, text);
            if (before.Database == fallback.Database && before.CaFolder == fallback.CaFolder && before.TlsCertificate == fallback.TlsCertificate && before.CaCertificate == fallback.CaCertificate)
            {
                text = TomlEdit.Set(marker, text, "server", "address", fleet.Address);
                // Listening as init had it follows the address; what the operator wrote himself is his.
                if (NodeAddress.TryParse(before.Address, out var old, out _) && before.Listen is [var listen] && listen == MasterInit.ListenerFor(old)
                    && NodeAddress.TryParse(fleet.Address, out var now, out _))
                {
                    text = TomlEdit.Set(marker, text, "server", "grpc_addr", MasterInit.ListenerFor(now));
                }
                configuration = MasterConfigurationReader.Read(marker, text);
                return text;
            }
            DurableFile.Write(Path.Combine(home, $"{MasterState.ConfigurationEntry}.before"), File.ReadAllBytes(kept), DurableFile.Secret);
            fallback = fallback with { AllowedDomains = before.AllowedDomains, Listen = before.Listen };
        }
        configuration = fallback;
        return MasterConfigurationText.Write(fallback);
    }

    private static void Place(string from, string to, string stamp, List<string> aside)
    {
        SetAside(to, stamp, aside);
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        Rename(from, to);
        DurableFile.SyncFolder(Path.GetDirectoryName(to)!);
    }

    private static void SetAside(string path, string stamp, List<string> aside)
    {
        if (!Path.Exists(path))
            return;
        var name = $"{path}.before-{stamp}";
        Rename(path, name);
        aside.Add(name);
    }

    private static void Rename(string from, string to)
    {
        if (Directory.Exists(from))
            Directory.Move(from, to);
        else
            File.Move(from, to, overwrite: false);
    }

    private static McpException NoBackup(string archive, string cause, Exception? inner = null) =>
        new(FaultCode.FailedPrecondition, $"{archive} is not a whole backup of a master", inner)
        {
            Cause = cause,
            State = "nothing was changed",
            Hint = "take an earlier file of mcp master backup, or one of <snapshots>/mcp-master/ of the old machine",
        };
}
