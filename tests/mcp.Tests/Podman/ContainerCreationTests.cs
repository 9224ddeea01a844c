using System.Text.Json;
using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>What a create sends, and what becomes of one that failed half way.</summary>
internal sealed class ContainerCreationTests
{
    private static readonly ContainerCreateSpec Spec = new()
    {
        Name = "notes-web",
        ImageId = "cafe",
        Labels = new Dictionary<string, string> { ["mcp.service"] = "notes", ["mcp.operation"] = "op1" },
    };

    [Test]
    public async Task Everything_of_a_spec_is_sent_in_podmans_words()
    {
        await using var fake = new FakePodman().On("POST", "containers/create", 201, """{"Id":"new","Warnings":[]}""");
        using var podman = fake.Client();
        var id = await podman.CreateContainerAsync(Spec with
        {
            Command = ["serve", "--x"],
            Environment = new Dictionary<string, string> { ["A"] = "1" },
            User = "5:6",
            Binds = [new BindMount("/srv/notes", "/data", ReadOnly: false, Relabel: true), new BindMount("/etc/ssl", "/etc/ssl", ReadOnly: true)],
            Tmpfs = ["/tmp"],
            Ports = [new PublishedPort("127.0.0.1", 10000, 80)],
            Network = "mcp-notes",
            NetworkAliases = ["web"],
            Restart = "on-failure:3",
            StopTimeout = TimeSpan.FromMilliseconds(1500),
            LogBytes = 4096,
        }, default);
        await Assert.That(id).IsEqualTo("new");
        using var sent = JsonDocument.Parse(fake.Requests.Single().Body);
        await Assert.That(sent.RootElement.GetRawText()).IsEqualTo(Flat("""
            {"name":"notes-web","image":"cafe","command":["serve","--x"],"env":{"A":"1"},"labels":{"mcp.service":"notes","mcp.operation":"op1"},"user":"5:6",
            "mounts":[{"type":"bind","source":"/srv/notes","destination":"/data","options":["rbind","rw","z"]},
            {"type":"bind","source":"/etc/ssl","destination":"/etc/ssl","options":["rbind","ro"]},
            {"type":"tmpfs","source":"tmpfs","destination":"/tmp","options":["rw","nosuid","nodev","mode=1777"]}],
            "image_volume_mode":"ignore","netns":{"nsmode":"bridge"},"Networks":{"mcp-notes":{"aliases":["web"]}},
            "portmappings":[{"host_ip":"127.0.0.1","host_port":10000,"container_port":80,"protocol":"tcp"}],
            "restart_policy":"on-failure","restart_tries":3,"stop_timeout":2,"sdnotifyMode":"ignore","log_configuration":{"driver":"k8s-file","size":4096},
            "healthconfig":{"Test":["NONE"]}}
            """));
    }

    [Test]
    public async Task The_host_network_has_no_networks_and_no_ports()
    {
        var body = ContainerTranslation.Body(Spec);
        await Assert.That(body.NetworkNamespace.Mode).IsEqualTo("host");
        await Assert.That(body.Networks).IsNull();
        await Assert.That(body.Ports).IsNull();
    }

    [Test]
    [Arguments(500)]
    [Arguments(0)]
    [Arguments(-1)]
    public async Task A_container_that_a_failed_create_made_is_adopted(int failure)
    {
        var made = false;
        await using var fake = new FakePodman()
            .On("GET", "containers/notes-web/json", answer => made ? answer.TextAsync(200, Found("created", "cafe", "op1")) : answer.TextAsync(404, "{}"))
            .On("POST", "containers/create", answer =>
            {
                made = true;
                return failure switch
                {
                    500 => answer.TextAsync(500, """{"message":"exit status 125"}"""),
                    0 => answer.CutAsync(),
                    _ => answer.HangAsync(),
                };
            });
        using var podman = fake.Client(FakePodman.Quick with { Change = TimeSpan.FromMilliseconds(300) });
        await Assert.That(await podman.CreateOrAdoptAsync(Spec, default)).IsEqualTo("abc");
    }

    [Test]
    public async Task What_an_earlier_try_left_is_used_and_nothing_is_made()
    {
        await using var fake = new FakePodman().On("GET", "containers/notes-web/json", 200, Found("created", "cafe", "op1"));
        using var podman = fake.Client();
        await Assert.That(await podman.CreateOrAdoptAsync(Spec, default)).IsEqualTo("abc");
        await Assert.That(fake.Requests.Count).IsEqualTo(1);
    }

    [Test]
    [Arguments("created", "cafe", "op2")]
    [Arguments("created", "beef", "op1")]
    [Arguments("running", "cafe", "op1")]
    [Arguments("exited", "cafe", "op1")]
    public async Task Somebody_elses_container_of_that_name_is_refused_and_left_alone(string state, string image, string operation)
    {
        await using var fake = new FakePodman().On("GET", "containers/notes-web/json", 200, Found(state, image, operation));
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(podman.CreateOrAdoptAsync(Spec, default));
        await Assert.That(failure.NameTaken).IsTrue();
        await Assert.That(fake.Requests.All(request => request.Method == "GET")).IsTrue();
    }

    [Test]
    public async Task Podmans_500_for_a_taken_name_is_known_as_that()
    {
        await using var fake = new FakePodman().On("POST", "containers/create", 500,
            """{"cause":"that name is already in use","message":"creating container storage: the container name \"t1\" is already in use by b6bb.","response":500}""");
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(podman.CreateContainerAsync(Spec, default));
        await Assert.That(failure.NameTaken).IsTrue();
    }

    [Test]
    public async Task A_create_that_failed_and_made_nothing_keeps_its_own_reason()
    {
        await using var fake = new FakePodman().On("POST", "containers/create", 500, """{"message":"storage lock"}""");
        using var podman = fake.Client();
        var failure = await PodmanFaultTests.FailureOf(podman.CreateOrAdoptAsync(Spec, default));
        await Assert.That(failure.Reason!).IsEqualTo("storage lock");
        await Assert.That(failure.NameTaken).IsFalse();
    }

    private static string Found(string state, string image, string operation) =>
        $$"""
        {"Id":"abc","Name":"notes-web","Image":"{{image}}","State":{"Status":"{{state}}"},"Config":{"Labels":{"mcp.service":"notes","mcp.operation":"{{operation}}","x":"y"} } }
        """;

    private static string Flat(string json) => json.Replace("\n", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal);
}
