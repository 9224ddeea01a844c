using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>Row 65: one odd container neither hides the others nor gets further than its own fields.</summary>
internal sealed class HostileAnswerTests
{
    [Test]
    public async Task One_odd_container_does_not_hide_the_others()
    {
        await using var fake = new FakePodman().On("GET", "containers/json", 200, """
            [
              {"Id":"a","Names":["ok"],"State":"running","Labels":{"mcp.service":"x"},"Created":"2026-11-23T15:51:58.1Z","StartedAt":1795449118,"Pid":7,
               "Ports":[{"host_ip":"","container_port":80,"host_port":8080,"range":2,"protocol":"tcp"}]},
              {"Id":"b","Names":"\u001b[31mred","State":"levitating","Labels":null,"Created":"yesterday","StartedAt":-62135596800,"Pid":"many",
               "Ports":[{"host_ip":"","container_port":80,"host_port":-1,"range":1,"protocol":"tcp"},
                        {"host_ip":"","container_port":80,"host_port":70000,"range":1,"protocol":"tcp"},
                        {"container_port":1,"host_port":65535,"range":65535},
                        {"host_port":"a"}]},
              {"Id":"c","Names":[],"State":17,"Labels":{"a":1,"b":null,"c":{"d":2}},"Created":99999999999999999999,"ExitCode":1e400,"Ports":"none","Networks":[1,null]},
              {"Id":"d","Names":["\ud800"],"Labels":{"\udfff":"\ud800"}},
              {"Names":["no id"]}, 5, null, [], "text"
            ]
            """);
        using var podman = fake.Client();
        var list = await podman.ListContainersAsync(null, default);
        await Assert.That(string.Join(',', list.Select(c => c.Id))).IsEqualTo("a,b,c,d");
        await Assert.That(list[0].Ports.Count).IsEqualTo(2);
        await Assert.That(list[0].Status).IsEqualTo(ContainerStatus.Running);
        await Assert.That(list[0].StartedAt).IsEqualTo(DateTimeOffset.FromUnixTimeSeconds(1795449118));
        await Assert.That(list[1].Status).IsEqualTo(ContainerStatus.Unknown);
        await Assert.That(list[1].Name).IsEqualTo("\u001b[31mred");
        await Assert.That(list[1].CreatedAt).IsNull();
        await Assert.That(list[1].StartedAt).IsNull();
        await Assert.That(list[1].Pid).IsEqualTo(0);
        await Assert.That(list[1].Ports).IsEquivalentTo([new PublishedPort("", 65535, 1, "")]);
        await Assert.That(list[2].Labels["a"]).IsEqualTo("1");
        await Assert.That(list[2].Labels["b"]).IsEqualTo("");
        await Assert.That(list[2].ExitCode).IsEqualTo(0);
        await Assert.That(list[3].Labels.Count).IsEqualTo(1);
    }

    [Test]
    public async Task Inspect_survives_every_field_being_of_another_type()
    {
        foreach (var value in (string[])["null", "17", "-1", "\"text\"", "[]", "{}", "true", "[null]", "{\"a\":null}", "1e400", "\"\\ud800\""])
        {
            await using var fake = new FakePodman()
                .On("GET", "containers/x/json", 200, $$"""
                {"Id":"x","Name":{{value}},"Image":{{value}},"Created":{{value}},"State":{"Status":{{value}},"Pid":{{value}},"StartedAt":{{value}} },"Mounts":{{value}},
                 "Config":{"Labels":{{value}},"Env":{{value}},"Cmd":{{value}},"Tty":{{value}} },"NetworkSettings":{"Ports":{"80/tcp":{{value}},"-1":[{"HostPort":"-1"}],"":null},"Networks":{{value}} },
                 "HostConfig":{{value}},"RestartCount":{{value}} }
                """)
                .On("GET", "containers/y/json", 200, value)
                .On("GET", "images/x/json", 200, $$"""{"Id":"x","RepoTags":{{value}},"Config":{{value}},"Labels":{{value}},"Size":{{value}} }""")
                .On("GET", "images/y/json", 200, $$"""{"Id":"x","Config":{"Volumes":{{value}},"Entrypoint":{{value}},"Labels":{{value}} } }""")
                .On("GET", "networks/x/json", 200, $$"""{"name":{{value}},"subnets":{{value}},"labels":{{value}} }""")
                .On("GET", "info", 200, $$"""{"host":{{value}},"version":{{value}} }""");
            using var podman = fake.Client();
            await Assert.That((await podman.InspectContainerAsync("x", default))!.Id).IsEqualTo("x");
            await Assert.That(await podman.InspectContainerAsync("y", default)).IsNotNull();
            await Assert.That((await podman.InspectImageAsync("x", default))!.Id).IsEqualTo("x");
            await Assert.That((await podman.InspectImageAsync("y", default))!.Id).IsEqualTo("x");
            await Assert.That(await podman.InspectNetworkAsync("x", default)).IsNotNull();
            await Assert.That(await podman.InfoAsync(default)).IsNotNull();
        }
    }

    [Test]
    [Arguments("../../../_ping")]
    [Arguments("a/b?force=true#x")]
    [Arguments("x y%2F\u001b")]
    [Arguments("...")]
    public async Task A_name_stays_one_segment_of_the_path(string name)
    {
        await using var fake = new FakePodman();
        using var podman = fake.Client();
        await Assert.That(await podman.InspectContainerAsync(name, default)).IsNull();
        var target = fake.Requests.Single().Target;
        await Assert.That(target).IsEqualTo($"/v4.0.0/libpod/containers/{Uri.EscapeDataString(name)}/json");
        await Assert.That(target.Count(c => c == '/')).IsEqualTo(5);
    }

    [Test]
    [Arguments("")]
    [Arguments(".")]
    [Arguments("..")]
    public async Task A_name_that_would_leave_the_path_is_not_sent(string name)
    {
        await using var fake = new FakePodman();
        using var podman = fake.Client();
        await Assert.That((await PodmanFaultTests.FailureOf(podman.StartContainerAsync(name, default))).Kind).IsEqualTo(PodmanFailure.Refused);
        await Assert.That(fake.Requests).IsEmpty();
    }

    [Test]
    public async Task The_labels_of_an_image_are_shadowed_by_ours_or_by_nothing()
    {
        var image = new ImageDetail { Id = "i", Labels = new Dictionary<string, string> { ["mcp.service"] = "evil", ["mcp.other"] = "x", ["MCP.Odd"] = "y", ["maintainer"] = "m" } };
        var labels = image.ShadowLabels(new Dictionary<string, string> { ["mcp.service"] = "notes" });
        await Assert.That(labels.Count).IsEqualTo(3);
        await Assert.That(labels["mcp.service"]).IsEqualTo("notes");
        await Assert.That(labels["mcp.other"]).IsEqualTo("");
        await Assert.That(labels["MCP.Odd"]).IsEqualTo("");
    }
}
