//! Topics that carry the logs of other products.

use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;

const DUO: &[&str] = &[
    r#"{"txid":"t-1","isotimestamp":"2026-11-20T08:00:00.120000+00:00","timestamp":1795161600,"event_type":"authentication",
        "user":{"name":"ada@acme.example"},"factor":"duo_push","result":"fraud","reason":"user_marked_fraud",
        "access_device":{"ip":"192.0.2.7"},"application":{"name":"VPN"}}"#,
    r#"{"txid":"t-2","isotimestamp":"2026-11-20T08:05:00+00:00","event_type":"authentication","user":{"name":"bob@acme.example"},
        "factor":"remembered_device","result":"success","reason":"remembered_device"}"#,
    r#"{"action":"bypass_create","isotimestamp":"2026-11-20T09:00:00+00:00","timestamp":1795165200,"object":"ada@acme.example",
        "username":"Grace Admin","description":"{\"count\": 1, \"valid_secs\": 3600}"}"#,
    r#"{"action":"integration_create","isotimestamp":"2026-11-20T09:01:00+00:00","timestamp":1795165260,"object":"VPN",
        "username":"Grace Admin"}"#,
    r#"{"txid":"t-3","event_type":"authentication","result":"success","factor":"duo_push"}"#,
];

/// Two sign-ins in one record, and a record without any.
const ENTRA: &[&str] = &[
    r#"{"records":[
        {"time":"2026-11-20T10:00:00Z","category":"SignInLogs","tenantId":"11111111-2222-4333-8444-555555555555",
         "resultType":"500121","properties":{"id":"s-1","createdDateTime":"2026-11-20T10:00:00Z",
         "userPrincipalName":"Ada@acme.example","authenticationRequirement":"multiFactorAuthentication",
         "status":{"errorCode":500121,"failureReason":"Authentication failed during strong authentication request."},
         "authenticationDetails":[{"authenticationMethod":"Password","succeeded":true},
          {"authenticationMethod":"Mobile app notification","succeeded":false,
           "authenticationStepResultDetail":"MFA denied; user declined the authentication"}]}},
        {"time":"2026-11-20T10:01:00Z","category":"SignInLogs","tenantId":"11111111-2222-4333-8444-555555555555",
         "resultType":"0","properties":{"id":"s-2","createdDateTime":"2026-11-20T10:01:00Z",
         "userPrincipalName":"bob@acme.example","authenticationRequirement":"singleFactorAuthentication",
         "status":{"errorCode":0}}}]}"#,
    r#"{"records":[]}"#,
];

fn values(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn each_element_lands_as_what_it_is_under_the_names_of_the_deployment() {
    let brokers = Kafka::shared().brokers();
    let ours = Topic::create(&brokers, "sources-ours", 1, &[]);
    let duo = Topic::create(&brokers, "sources-duo", 1, &[]);
    let entra = Topic::create(&brokers, "sources-entra", 1, &[]);
    duo.produce(0, &values(DUO));
    entra.produce(0, &values(ENTRA));
    let topics = format!(
        "[[topics]]\nname = \"{}\"\nsource = \"duo\"\ntenant = \"acme\"\nbackfill = true\n\
         [[topics]]\nname = \"{}\"\nsource = \"entra\"\nbackfill = true\n\
         [tenants]\n\"11111111-2222-4333-8444-555555555555\" = \"acme\"\n",
        duo.name, entra.name
    );
    let deployment = Deployment::new(&brokers, &ours.name).append(&topics);
    deployment.catch_up();
    let rows = |sql: &str| -> Vec<String> {
        let printed = deployment.succeed(&["sql", "--format", "csv", sql]);
        printed.lines().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(
        rows(
            "SELECT source, tenant_id, user_key, method, result, denial_reason, stage, assurance FROM events \
             ORDER BY occurred_at"
        ),
        [
            "duo,acme,ada@acme.example,mobile-app-notification,denied,fraud-reported,second-factor,challenged",
            "duo,acme,bob@acme.example,,success,,second-factor,satisfied-earlier",
            "entra,acme,ada@acme.example,mobile-app-notification,denied,user-declined,second-factor,challenged",
            "entra,acme,bob@acme.example,,success,,whole-sign-in,first-factor-only",
        ]
    );
    assert_eq!(
        rows("SELECT tenant_id, user_id, actor, change, day FROM changes"),
        ["acme,ada@acme.example,Grace Admin,bypass-granted,2026-11-20"]
    );
    assert_eq!(rows("SELECT reason, source FROM rejections"), ["missing-field,duo"]);
    assert_eq!(
        rows(
            "SELECT sum(records), sum(empty_records), sum(elements), sum(events), sum(changes), sum(rejections) \
             FROM segments"
        ),
        ["7,1,7,4,1,1"]
    );
    assert_eq!(
        rows(
            "SELECT map_keys(skipped_by_kind) AS kinds FROM segments WHERE cardinality(skipped_by_kind) > 0"
        ),
        ["\"[\"\"integration_create\"\"]\""]
    );
}
