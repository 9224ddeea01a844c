using System.Net.Sockets;
using Mcp.Certificates;
using Mcp.Cli.Doctor;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;

namespace Mcp.Tests.Cli.Doctor;

/// <summary>The verdicts, each over what it judges; what is asked of the machine is the end-to-end test's part.</summary>
internal sealed class DoctorCheckTests
{
    [Test]
    [Arguments(0.0, 1.0, Verdict.Ok)]
    [Arguments(-5.9, 1.0, Verdict.Ok)]
    [Arguments(-6.1, 1.0, Verdict.Warning)]
    [Arguments(200.0, 1.0, Verdict.Warning)]
    [Arguments(3600.0, 1.0, Verdict.Error)]
    [Arguments(-302.0, 1.0, Verdict.Error)]
    public async Task A_clock_is_judged_beyond_what_the_measurement_cannot_tell(double skew, double uncertainty, Verdict verdict)
    {
        var line = new ClockCheck().Judge("master/mcp-master", TimeSpan.FromSeconds(skew), TimeSpan.FromSeconds(uncertainty));
        await Assert.That(line.Verdict).IsEqualTo(verdict);
        await Assert.That(line.Remedy is null).IsEqualTo(verdict == Verdict.Ok);
        if (verdict != Verdict.Ok)
            await Assert.That(line.Message).Contains(skew > 0 ? "ahead of" : "behind");
    }

    [Test]
    [Arguments("32768\t60999\n", Verdict.Ok)]
    [Arguments("32000 60999", Verdict.Warning)]
    [Arguments("1024 10000", Verdict.Warning)]
    [Arguments("1024 9999", Verdict.Ok)]
    [Arguments("15000 16000", Verdict.Warning)]
    public async Task Port_ranges_must_not_meet(string kernel, Verdict verdict) =>
        await Assert.That(new PortRangeCheck().Judge((10000, 32000), PortRangeCheck.Parse(kernel)!.Value).Verdict).IsEqualTo(verdict);

    [Test]
    [Arguments(null)]
    [Arguments("")]
    [Arguments("32768")]
    [Arguments("a b")]
    public async Task What_is_no_range_is_not_guessed(string? text) => await Assert.That(PortRangeCheck.Parse(text)).IsNull();

    [Test]
    [Arguments(100UL << 30, 50UL << 30, 1000UL, 500UL, Verdict.Ok)]
    [Arguments(100UL << 30, 4UL << 30, 1000UL, 500UL, Verdict.Warning)]
    [Arguments(100UL << 30, 511UL << 20, 1000UL, 500UL, Verdict.Error)]
    [Arguments(100UL << 30, 50UL << 30, 1000UL, 40UL, Verdict.Warning)]
    [Arguments(100UL << 30, 50UL << 30, 1000UL, 9UL, Verdict.Error)]
    [Arguments(100UL << 30, 50UL << 30, 0UL, 0UL, Verdict.Ok)]
    public async Task Room_is_bytes_and_inodes(ulong bytes, ulong free, ulong inodes, ulong freeInodes, Verdict verdict) =>
        await Assert.That(new DiskCheck().Judge("/srv", new FileSystemRoom(bytes, free, inodes, freeInodes))!.Verdict).IsEqualTo(verdict);

    [Test]
    public async Task The_room_of_a_real_folder_is_what_the_framework_says()
    {
        using var folder = new TemporaryFolder();
        var room = FileFacts.RoomOf(folder.Path)!;
        await Assert.That((long)room.Bytes).IsEqualTo(new DriveInfo(folder.Path).TotalSize);
        await Assert.That(FileFacts.RoomOf(folder["none"])).IsNull();
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        var facts = FileFacts.Of(folder.Path)!;
        await Assert.That(facts.Mode).IsEqualTo(File.GetUnixFileMode(folder.Path));
        await Assert.That(facts.Owner).IsEqualTo(FileFacts.EffectiveUser);
    }

    [Test]
    [Arguments(SocketError.Success, false, Verdict.Ok, "free")]
    [Arguments(SocketError.Success, true, Verdict.Error, "does not listen")]
    [Arguments(SocketError.AddressAlreadyInUse, true, Verdict.Ok, "the agent listens")]
    [Arguments(SocketError.AddressAlreadyInUse, false, Verdict.Error, "another process")]
    [Arguments(SocketError.AddressNotAvailable, false, Verdict.Error, "no interface")]
    public async Task A_port_is_free_or_ours(SocketError state, bool runs, Verdict verdict, string words)
    {
        var line = new AddressesCheck().Judge("agent", "10.0.0.7:9444", state, runs);
        await Assert.That(line.Verdict).IsEqualTo(verdict);
        await Assert.That(line.Message).Contains(words);
    }

    [Test]
    [Arguments(true, true, true, Verdict.Ok)]
    [Arguments(true, false, true, Verdict.Warning)]
    [Arguments(true, true, false, Verdict.Error)]
    [Arguments(false, false, true, Verdict.Warning)]
    [Arguments(false, false, false, Verdict.Error)]
    [Arguments(null, false, true, Verdict.Ok)]
    [Arguments(null, false, false, Verdict.Error)]
    public async Task A_role_runs_and_comes_back_after_a_boot(bool? installed, bool enabled, bool runs, Verdict verdict) =>
        await Assert.That(new UnitsCheck().Judge("agent", installed, enabled, runs).Verdict).IsEqualTo(verdict);

    [Test]
    public async Task Podmans_own_units()
    {
        var check = new PodmanUnitsCheck();
        await Assert.That(check.Judge(true, restart: false, socket: true).Single().Verdict).IsEqualTo(Verdict.Ok);
        await Assert.That(check.Judge(true, restart: true, socket: true).Single().Remedy).IsEqualTo("systemctl disable podman-restart.service");
        await Assert.That(check.Judge(false, restart: false, socket: false).Single().Remedy).IsEqualTo("systemctl --user enable --now podman.socket");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["default.target.wants"]);
        await Assert.That(PodmanUnitsCheck.IsEnabled(folder.Path, "x.service")).IsFalse();
        File.CreateSymbolicLink(folder["default.target.wants/x.service"], "/nowhere/x.service");
        await Assert.That(PodmanUnitsCheck.IsEnabled(folder.Path, "x.service")).IsTrue();
    }

    [Test]
    public async Task Subordinate_ids_are_counted_by_name_and_by_number()
    {
        const string text = "# who\nmcp:100000:65536\n990:300000:1000\nmcpx:1:9\nmcp:bad\n";
        await Assert.That(RootlessCheck.Granted(text, "mcp", 990)).IsEqualTo(66536);
        await Assert.That(RootlessCheck.Granted(text, "alice", 1000)).IsEqualTo(0);
        await Assert.That(RootlessCheck.Granted(null, "alice", 1000)).IsEqualTo(0);
        await Assert.That(RootlessCheck.UserName("root:x:0:0::/root:/bin/sh\nmcp:x:990:990::/srv:/bin/false\n", 990)).IsEqualTo("mcp");
        var check = new RootlessCheck();
        await Assert.That(check.JudgeIds("subuid", "mcp", 65536)).IsEmpty();
        await Assert.That(check.JudgeIds("subgid", "mcp", 0).Single().Remedy).Contains("usermod --add-subgids");
        await Assert.That(check.JudgeIds("subuid", "mcp", 1000).Single().Verdict).IsEqualTo(Verdict.Warning);
        await Assert.That(check.JudgeTun(exists: true, usable: false).Single().Remedy).IsEqualTo("chmod 0666 /dev/net/tun");
    }

    [Test]
    [Arguments("4.3.1", "overlay", Verdict.Ok, Verdict.Ok)]
    [Arguments("5.4.0-dev", "vfs", Verdict.Ok, Verdict.Warning)]
    [Arguments("4.2.0", "overlay", Verdict.Warning, Verdict.Ok)]
    [Arguments("3.4.4", "overlay", Verdict.Error, Verdict.Ok)]
    [Arguments("", "overlay", Verdict.Error, Verdict.Ok)]
    public async Task Podmans_version_and_storage(string version, string driver, Verdict first, Verdict second)
    {
        var lines = new PodmanCheck().Judge(new PodmanHost { Version = version, StorageDriver = driver, StorageRoot = "/x" }, new FileSystemRoom(9UL << 30, 8UL << 30, 100, 90)).ToList();
        await Assert.That(lines[0].Verdict).IsEqualTo(first);
        await Assert.That(lines[1].Verdict).IsEqualTo(second);
    }

    [Test]
    public async Task A_kernel_that_lacks_something_is_told_what()
    {
        var check = new KernelCheck();
        await Assert.That(check.Judge("6.1.0", true, true, 3).Single().Verdict).IsEqualTo(Verdict.Ok);
        await Assert.That(check.Judge("5.4.0", false, true, -1).Select(l => l.Verdict)).IsEquivalentTo([Verdict.Error, Verdict.Warning]);
    }

    [Test]
    public async Task One_address_of_several_that_is_silent_is_a_warning()
    {
        PeerAnswer At(string address, bool answers) => new()
        {
            Name = "agent/orion",
            Address = address,
            Source = "mcp.toml",
            Fault = answers ? null : new McpException(FaultCode.Unavailable, "nobody there") { Hint = "knock" },
        };
        var check = new PeersCheck();
        await Assert.That(check.Judge([At("a:1", true), At("b:1", false)]).Select(l => l.Verdict)).IsEquivalentTo([Verdict.Ok, Verdict.Warning]);
        await Assert.That(check.Judge([At("a:1", false), At("b:1", false)]).Select(l => l.Verdict)).IsEquivalentTo([Verdict.Error, Verdict.Error]);
    }

    [Test]
    public async Task An_identity_is_judged_by_name_time_and_root()
    {
        using var folder = new TemporaryFolder();
        var clock = new Certificates.TestClock();
        using var authority = FleetAuthority.Create(folder["ca"], "fleet.example", "svc.fleet.example", [], clock);
        using var strange = FleetAuthority.Create(folder["other"], "fleet.example", "svc.fleet.example", [], clock);
        using var key = IdentityKey.Create();
        var issued = authority.IssueIdentity(Principal.AgentOf(NodeName.Parse("orion")), key.CreateRequest(), Lifetimes.Machine);
        var credential = Credential.From(key, issued.ChainPem, "test");
        var now = clock.GetUtcNow();
        DoctorLine Judge(TrustBundle trust, string name, TimeSpan later) => new CertificatesCheck().Judge(credential, "agent.pem", trust, name, 20, now + later, "renew");

        await Assert.That(Judge(authority.Bundle, "/agent/orion", TimeSpan.Zero).Verdict).IsEqualTo(Verdict.Ok);
        await Assert.That(Judge(authority.Bundle, "/agent/orion", TimeSpan.FromDays(75)).Verdict).IsEqualTo(Verdict.Warning);
        await Assert.That(Judge(authority.Bundle, "/agent/orion", TimeSpan.FromDays(91)).Message).Contains("expired on");
        await Assert.That(Judge(authority.Bundle, "/agent/orion", TimeSpan.FromDays(-1)).Remedy).Contains("clock");
        await Assert.That(Judge(authority.Bundle, "/agent/vega", TimeSpan.Zero).Message).Contains("not agent/vega");
        await Assert.That(Judge(strange.Bundle, "/agent/orion", TimeSpan.Zero).Message).Contains("not of the fleet");
    }
}
