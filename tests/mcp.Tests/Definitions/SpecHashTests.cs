using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Tests.Definitions;

/// <summary>The hashes are a promise to running containers: a change of these values would replace every container of every fleet.</summary>
internal sealed class SpecHashTests
{
    [Test]
    public async Task The_values_never_change()
    {
        var spec = Notes();
        var small = new ServiceSpec { Name = "a", Active = true, Components = { new ComponentSpec { Name = "a", Image = "x:1" } } };
        await Assert.That(string.Join('\n', SpecHash.OfService(spec), SpecHash.OfComponent(spec, spec.Components[0]),
            SpecHash.OfService(small), SpecHash.OfComponent(small, small.Components[0]))).IsEqualTo("""
            7359d3ac13b410db8896c36f863c9820e0022e76cae5c1d226e24c9dbd39ec04
            d4079b57bc6020547e46e32548e5af48b704f320db440d5aabbd64151a68d3c5
            2258b2171fd3e8c78968e62f9bcdf884ad45e2d7f99597545665618bbbacd3c0
            e83cbecc845026db626e2d95099498db341909814b563570ec0874ccc5234bbe
            """);
    }

    [Test]
    public async Task What_the_container_is_not_made_of_does_not_restart_it()
    {
        Action<ServiceSpec>[] changes =
        [
            s => s.Snapshot = new SnapshotConfig { Method = "full" },
            s => s.Node = "elsewhere",
            s => s.Tier = "core",
            s => s.Active = false,
            s => s.AllowHostPaths.Add("/opt/x:ro"),
            s => s.Components[0].Health = null,
            s => s.Components[0].Health.Port = 9,
            s => s.Components[0].Routes[0].Hostname = "other.example.org",
            s => s.Components[0].Routes[0].Port = 443,
            s => s.Components[0].Routes[0].Mode = "l4",
            s => s.Components[0].Routes[0].Public = false,
            s => s.Components[0].Routes[0].BackendTls = true,
            s => s.Components.Add(new ComponentSpec { Name = "other", Image = "y:1" }),
        ];
        foreach (var change in changes)
        {
            var changed = Notes();
            change(changed);
            await Assert.That(SpecHash.OfComponent(changed, changed.Components[0])).IsEqualTo(SpecHash.OfComponent(Notes(), Notes().Components[0]));
            await Assert.That(SpecHash.OfService(changed)).IsNotEqualTo(SpecHash.OfService(Notes()));
        }
    }

    [Test]
    public async Task What_the_container_is_made_of_makes_a_new_one()
    {
        Action<ComponentSpec>[] changes =
        [
            c => c.Image = "x:2", c => c.Network = "mcpnet", c => c.User = "1", c => c.Restart = "no", c => c.Ports.Add("127.0.0.1:1:1"),
            c => c.Volumes.Add("/srv/notes/x:/x"), c => c.Volumes[0] += ":ro", c => c.Cmd.Add("x"), c => c.Env.Add("X=1"), c => c.Env[0] += "x",
            c => c.EnvFiles.Add("/srv/notes/x"), c => c.Scratch.Add("/x"), c => c.Routes[0].ContainerPort = 0, c => c.Routes[0].ContainerPort = 1,
            c => c.Routes[0].Name = "renamed", c => c.Routes.Clear(), c => (c.Cmd[0], c.Cmd[1]) = (c.Cmd[1], c.Cmd[0]),
        ];
        var seen = new HashSet<string> { SpecHash.OfComponent(Notes(), Notes().Components[0]) };
        foreach (var change in changes)
        {
            var changed = Notes();
            change(changed.Components[0]);
            await Assert.That(seen.Add(SpecHash.OfComponent(changed, changed.Components[0]))).IsTrue();
        }
    }

    [Test]
    public async Task Left_out_and_written_defaults_are_the_same_and_so_are_lists_in_another_order()
    {
        var bare = new ServiceSpec { Name = "a", Active = true, Components = { new ComponentSpec { Name = "a", Image = "x:1", Ports = { "1:1", "2:2" }, Env = { "A=1", "B=2" } } } };
        var full = SpecBuilder.Complete(bare);
        await Assert.That(full).IsNotEqualTo(bare);
        await Assert.That(SpecHash.OfService(full)).IsEqualTo(SpecHash.OfService(bare));
        var moved = new ServiceSpec { Name = "a", Active = true, Components = { new ComponentSpec { Name = "a", Image = "x:1", Ports = { "127.0.0.1:2:2", "1:1" }, Env = { "B=2", "A=1" } } } };
        await Assert.That(SpecHash.OfComponent(moved, moved.Components[0])).IsEqualTo(SpecHash.OfComponent(bare, bare.Components[0]));
    }

    [Test]
    public async Task A_difference_names_fields_and_hides_values_of_the_environment()
    {
        var after = Notes();
        after.Components[0].Image = "x:2";
        after.Components[0].Env[0] = "PASSWORD=opensesame";
        after.Components[0].Routes[0].Public = false;
        var before = Notes();
        before.Components[0].Env[0] = "PASSWORD=swordfish";
        var changes = SpecDifference.Between(before, after);
        await Assert.That(changes.Select(c => c.Path)).IsEquivalentTo(["components.notes.image", "components.notes.env.PASSWORD", "components.notes.routes.web.public"]);
        await Assert.That(changes[0].ToString()).IsEqualTo("components.notes.image: x:1 → x:2");
        await Assert.That(string.Join("\n", changes)).DoesNotContain("opensesame").And.DoesNotContain("swordfish");
        await Assert.That(changes[1].Old).Matches("^sha256:[0-9a-f]{8}$");
    }

    private static ServiceSpec Notes() => new()
    {
        Name = "notes",
        Active = true,
        Tier = "worker",
        Components =
        {
            new ComponentSpec
            {
                Name = "notes", Image = "x:1", Restart = "unless-stopped", Volumes = { "/srv/notes:/srv/notes" }, Cmd = { "a", "b" }, Env = { "LOG=info" },
                Health = new HealthSpec { Type = "tcp", Port = 8080 },
                Routes = { new RouteSpec { Name = "web", Port = 8443, Mode = "l7", Hostname = "notes.example.org", Public = true, ContainerPort = 8080 } },
            },
        },
    };
}
